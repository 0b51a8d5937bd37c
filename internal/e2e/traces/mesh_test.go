package traces

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/catalogs/api"
)

// TestCallsFollowTheirLeases: faults and policies that somebody sets by the API befall calls by HTTP and by gRPC, stand on their spans
// and in the audit, with who, why and what, and are over with the lease.
func TestCallsFollowTheirLeases(t *testing.T) {
	r := newRig(t, 1, nil)
	conn, err := r.notification.Mesh().RPC("catalogs")
	if err != nil {
		t.Fatal(err)
	}
	ask := func() codes.Code { // of which any answer of the service's own will do
		_, err := api.New(conn).Type(context.Background(), "nothing-of-that-name")
		return status.Code(err)
	}
	own := ask()

	httpFault := `{"destination":"catalogs","protocol":"http","share":1,"status":503}`
	id, drop := r.lease(`{"kind":"fault","service":"gateway","value":` + httpFault + `,"ttl":"5m","reason":"a drill"}`)
	struck := r.call("admin", http.MethodGet, typesPath, "")
	if struck.Status != http.StatusServiceUnavailable || !strings.Contains(string(struck.Body), "injected fault") {
		t.Errorf("with the fault: %d %s", struck.Status, struck.Body)
	}
	if got := ask(); got != own {
		t.Errorf("a caller whom the fault is not for: %s, before: %s", got, own)
	}
	drop()
	r.list()
	r.audited(t, id, "fault", httpFault)

	grpcFault := `{"destination":"catalogs","protocol":"grpc","share":1,"code":"DATA_LOSS"}`
	id, drop = r.lease(`{"kind":"fault","service":"notification","value":` + grpcFault + `,"ttl":"5m","reason":"a drill"}`)
	if got := ask(); got != codes.DataLoss {
		t.Errorf("with the fault: %s", got)
	}
	trace := r.makeType("admin", "lamp") // of which notification tells catalogs
	wait.For(t, limit, "the fault on a span", func() bool {
		for _, s := range r.spans(trace).of("notification", "client", "signalbox.catalogs") {
			return s.Tag("signalbox.fault") == "code" && s.Tag("signalbox.fault_lease") == id
		}
		return false
	})
	drop()
	if got := ask(); got != own {
		t.Errorf("without the fault: %s, before: %s", got, own)
	}
	r.audited(t, id, "fault", grpcFault)

	policy := `{"destination":"catalogs","timeout_ms":150,"retries":0}`
	id, drop = r.lease(`{"kind":"policy","service":"notification","value":` + policy + `,"ttl":"5m","reason":"a drill"}`)
	_, end := r.lease(`{"kind":"fault","service":"notification","value":{"destination":"catalogs","share":1,"delay_ms":60000},"ttl":"5m","reason":"a drill"}`)
	if got := ask(); got != codes.DeadlineExceeded { // which the call itself has not
		t.Errorf("beyond the policy's time: %s", got)
	}
	end()
	drop()
	if got := ask(); got != own {
		t.Errorf("without both: %s, before: %s", got, own)
	}
	r.audited(t, id, "policy", policy)
}

// audited looks for the lease's begin and end.
func (r *rig) audited(t *testing.T, id, kind, value string) {
	t.Helper()
	var page struct {
		Changes []struct {
			Action, Actor string
			After, Before json.RawMessage
			Detail        any
		}
	}
	a := r.call("admin", http.MethodGet, "/api/maintenance/v1/audit?subject="+id, "")
	if err := json.Unmarshal(a.Body, &page); err != nil || a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	seen := map[string]string{}
	for _, c := range page.Changes {
		if c.Actor != "u-admin" {
			t.Errorf("%s by %s", c.Action, c.Actor)
		}
		raw, _ := json.Marshal(c.Detail)
		seen[c.Action] = string(c.Before) + string(c.After) + string(raw)
	}
	if len(seen) != 2 || !strings.Contains(seen["lease.set"], kind) || !strings.Contains(seen["lease.set"], "a drill") || seen["lease.drop"] == "" {
		t.Errorf("the audit has %v", seen)
	}
	var v map[string]any
	if err := json.Unmarshal([]byte(value), &v); err != nil {
		t.Fatal(err)
	}
	for key := range v {
		if !strings.Contains(seen["lease.set"], key) {
			t.Errorf("the audit does not tell %s: %s", key, seen["lease.set"])
		}
	}
}
