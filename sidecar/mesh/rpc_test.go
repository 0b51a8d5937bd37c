package mesh_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/sidecar/peers"
)

func TestRPCFollowsAndBalances(t *testing.T) {
	w := newWorld(t, "identity", "catalogs")
	var hits [2]atomic.Int64
	replica := func(i int) string {
		return w.serve(t, "identity", func(context.Context) error { hits[i].Add(1); return nil })
	}
	var book peers.Book
	book.Set("identity", peers.Peer{RPC: []string{nobody(t)}})
	m := w.calls(t, "catalogs", &book)
	conn, err := m.RPC("identity")
	check(t, err)
	if again, _ := m.RPC("identity"); again != conn {
		t.Error("the connection is not shared")
	}
	if err := call(conn); status.Code(err) != codes.Unavailable {
		t.Errorf("nobody there: %v", err)
	}
	book.Set("identity", peers.Peer{RPC: []string{replica(0), replica(1)}})
	for deadline := time.Now().Add(10 * time.Second); hits[0].Load() == 0 || hits[1].Load() == 0; {
		if err := call(conn, grpc.WaitForReady(true)); err != nil || time.Now().After(deadline) {
			t.Fatalf("%v; hits %d, %d", err, hits[0].Load(), hits[1].Load())
		}
	}
	check(t, m.Close())
	if _, err := m.RPC("identity"); err == nil {
		t.Error("closed clients connect")
	}
}

// TestAStreamToNobodyOpensNoBreaker, as no other call does: whoever comes back is found at once.
func TestAStreamToNobodyOpensNoBreaker(t *testing.T) {
	w := newWorld(t, "gateway", "identity")
	m := w.calls(t, "gateway", peers.Static{"identity": {RPC: []string{nobody(t)}}})
	put(t, m.Policies(), `{"retries":0,"breaker":{"calls":10,"open_ms":60000}}`)
	conn, err := m.RPC("identity")
	check(t, err)
	open := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/x.Streams/Watch")
		if err == nil {
			err = stream.RecvMsg(nil)
		}
		return err
	}
	for range 20 {
		if err := open(); status.Code(err) != codes.Unavailable || strings.Contains(err.Error(), "breaker") {
			t.Fatal(err)
		}
	}
	put(t, m.Faults(), `{"share":1,"code":"UNAVAILABLE"}`)
	for range 10 {
		_ = open()
	}
	if err := open(); err == nil || !strings.Contains(err.Error(), "breaker") {
		t.Errorf("after ten failures: %v", err)
	}
}
