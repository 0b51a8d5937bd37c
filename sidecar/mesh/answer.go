package mesh

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// response is what a fault answers in place of the service.
func (f *held) response(r *http.Request) *http.Response {
	trace := trace.SpanContextFromContext(r.Context())
	id := ""
	if trace.HasTraceID() {
		id = trace.TraceID().String()
	}
	document, _ := json.Marshal(problem.Of(&problem.Error{Code: problem.FromHTTPStatus(f.Status), Status: f.Status, Detail: "an injected fault"}, id))
	return &http.Response{
		Status: strconv.Itoa(f.Status) + " " + http.StatusText(f.Status), StatusCode: f.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {problem.ContentType}}, ContentLength: int64(len(document)), Body: io.NopCloser(bytes.NewReader(document)), Request: r,
	}
}

// refusal: no connection came about, so nothing was sent.
func refusal(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// nobodyThere: the refusal came at once, and not for want of an answer.
func nobodyThere(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" && !op.Timeout()
}

// retriable says whether another replica, or another moment, may have a better answer.
func retriable(resp *http.Response, err error) bool {
	if err != nil {
		return !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
	}
	return gatewayStatus(resp.StatusCode)
}

// gatewayStatus are the answers of a destination that cannot do its work. 500 is no such: of one request that hits a mistake,
// all others would pay.
func gatewayStatus(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// harmless requests do no more when they are sent twice.
func harmless(r *http.Request) bool {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	default:
		return r.Header.Get("Idempotency-Key") != ""
	}
}

// idempotent methods are those of which a proxied request is sent elsewhere.
func idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return true
	default:
		return false
	}
}

func methodLabel(method string) string {
	if method == "" {
		return http.MethodGet
	}
	return telemetry.Method(strings.ToUpper(method))
}
