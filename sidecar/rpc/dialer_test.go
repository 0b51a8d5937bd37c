package rpc_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
)

func TestDialerFollowsAndBalances(t *testing.T) {
	w := newWorld(t, "view-service", "catalogs")
	var hits [2]atomic.Int64
	replica := func(i int) string {
		addr, _ := serve(t, w.settings("view-service"), fleet{sync: func(context.Context, *fleetv1.SyncRequest) (*fleetv1.SyncResponse, error) {
			hits[i].Add(1)
			return &fleetv1.SyncResponse{}, nil
		}}, rpc.Registration{})
		return addr
	}
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	var book peers.Book
	book.Set("view-service", peers.Peer{RPC: []string{dead.Addr().String()}})
	d := rpc.NewDialer(w.settings("catalogs"), &book)
	defer d.Close()
	conn, err := d.Dial("view-service")
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := d.Dial("view-service"); again != conn {
		t.Error("the connection is not shared")
	}
	if _, err := fleetv1.NewFleetServiceClient(conn).Sync(t.Context(), &fleetv1.SyncRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("nobody there: %v", err)
	}
	book.Set("view-service", peers.Peer{RPC: []string{replica(0), replica(1)}})
	for deadline := time.Now().Add(10 * time.Second); hits[0].Load() == 0 || hits[1].Load() == 0; {
		if err := call(conn); err != nil || time.Now().After(deadline) {
			t.Fatalf("%v; hits %d, %d", err, hits[0].Load(), hits[1].Load())
		}
	}
	d.Close()
	if _, err := d.Dial("view-service"); err == nil {
		t.Error("a closed dialer dials")
	}
}
