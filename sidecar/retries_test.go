package sidecar_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
)

// TestRetriesAreTurnedOffByASetting, where a proxy mesh tries again; what the setting cannot be is said in a sentence.
func TestRetriesAreTurnedOffByASetting(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		hits.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer down.Close()
	at := peers.Static{"catalogs": {HTTP: []string{down.Listener.Addr().String()}}}
	for set, want := range map[string]int64{"": 2, "SIGNALBOX_MESH_RETRIES=on": 2, "SIGNALBOX_MESH_RETRIES=off": 1, "SIGNALBOX_ORDERS_MESH_RETRIES=off": 1} {
		s := build(t, t.Context(), config(t, set), sidecar.Settings{Peers: at})
		hits.Store(0)
		resp, err := s.Mesh().HTTP("catalogs").Get("http://catalogs/")
		check(t, err)
		check(t, resp.Body.Close())
		if resp.StatusCode != http.StatusServiceUnavailable || hits.Load() != want {
			t.Errorf("%q: %d, %d calls, want %d", set, resp.StatusCode, hits.Load(), want)
		}
		check(t, s.Stop(t.Context()))
	}
	_, err := sidecar.New(t.Context(), config(t, "SIGNALBOX_MESH_RETRIES=perhaps"), sidecar.Settings{Service: "orders"})
	if err == nil || sidecar.ExitCode(err) != 2 || !strings.Contains(err.Error(), "MESH_RETRIES") {
		t.Errorf("a setting that is none: %v", err)
	}
}
