package problem_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

func all() []problem.Code {
	return []problem.Code{problem.Invalid, problem.NotFound, problem.Conflict, problem.Unauthorized,
		problem.Forbidden, problem.Unavailable, problem.TooMany, problem.Internal}
}

// The mappings are one-to-one: what goes out comes back the same.
func TestCodesComeBack(t *testing.T) {
	t.Parallel()
	for _, c := range all() {
		if got := problem.FromHTTPStatus(problem.HTTPStatus(c)); got != c {
			t.Errorf("HTTP: %s comes back as %s", c, got)
		}
		if got := problem.FromGRPC(problem.GRPC(c)); got != c {
			t.Errorf("gRPC: %s comes back as %s", c, got)
		}
	}
	if problem.HTTPStatus("made-up") != 500 || problem.GRPC("made-up") != codes.Internal {
		t.Error("a code outside the set is not internal")
	}
}

func TestWholeErrorThroughGRPC(t *testing.T) {
	t.Parallel()
	for _, c := range all() {
		sent := &problem.Error{Code: c, Detail: "what happened", Fields: []problem.Field{{Name: "/a", Detail: "b"}}, Err: errors.New("hidden")}
		wire := problem.Status(fmt.Errorf("wrapped: %w", sent)).Err()
		if strings.Contains(wire.Error(), "hidden") {
			t.Errorf("the cause travels: %v", wire)
		}
		got := problem.FromStatus(wire)
		if d := cmp.Diff(sent, got, cmpopts.IgnoreFields(problem.Error{}, "Err")); d != "" {
			t.Errorf("%s: %s", c, d)
		}
	}
	if problem.FromStatus(nil) != nil || problem.Status(nil).Code() != codes.OK {
		t.Error("nil is not nil")
	}
}

func TestForeignStatusKeepsItsTextInside(t *testing.T) {
	t.Parallel()
	got := problem.FromStatus(status.Error(codes.FailedPrecondition, "pq: secret"))
	if got.Code != problem.Conflict || strings.Contains(got.Detail, "secret") || !strings.Contains(got.Error(), "secret") {
		t.Errorf("got %+v", got)
	}
}

func TestContextErrorsAreUnavailable(t *testing.T) {
	t.Parallel()
	for _, err := range []error{context.DeadlineExceeded, fmt.Errorf("query: %w", context.Canceled)} {
		if c := problem.CodeOf(err); c != problem.Unavailable {
			t.Errorf("%v is %s", err, c)
		}
	}
}

func TestWriteAndRead(t *testing.T) {
	t.Parallel()
	for _, c := range all() {
		w := httptest.NewRecorder()
		problem.Write(w, httptest.NewRequest("GET", "/", nil), problem.Wrap(c, "what happened", errors.New("hidden")))
		if w.Code != problem.HTTPStatus(c) || strings.Contains(w.Body.String(), "hidden") {
			t.Errorf("%s: %d %s", c, w.Code, w.Body)
		}
		got := problem.Read(w.Result())
		if got.Code != c || got.Detail != "what happened" {
			t.Errorf("%s is read as %+v", c, got)
		}
	}
}

func TestReadOfForeignAnswers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]problem.Code{"<html>": problem.Unavailable, "": problem.Unavailable, `{"code":"odd"}`: problem.Unavailable} {
		w := httptest.NewRecorder()
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.WriteString(text)
		if got := problem.Read(w.Result()); got.Code != want {
			t.Errorf("%q is %s", text, got.Code)
		}
	}
}

func TestUncodedErrorIsSilent(t *testing.T) {
	t.Parallel()
	d := problem.Of(errors.New("pq: password=hunter2"), "abc")
	body, err := json.Marshal(d)
	if err != nil || strings.Contains(string(body), "hunter2") || d.Status != 500 || d.TraceID != "abc" {
		t.Errorf("document is %s, %v", body, err)
	}
}
