package sidecar_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/servers/smalldisk"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar"
)

// L-6: a service whose disk fills up lives on, says what it drops, and keeps records again when there is room.
func TestL6_FullDiskDoesNotStopAService(t *testing.T) {
	smalldisk.Run(t, 8<<20, func(t *testing.T, disk string) {
		c := spooling(t)
		c.StateDir = disk
		s := build(t, t.Context(), c, sidecar.Settings{})
		run(t, s)
		log, filler := s.Logger("orders.test"), smalldisk.Fill(t, disk, "filler")
		for i := range 5000 {
			log.Info("record for a disk that is full", "number", i, "padding", strings.Repeat("x", 300))
		}
		log.Error("it goes on")
		ops := "http://" + s.OpsAddr()
		get(t, ops+"/liveness", http.StatusOK)
		if dropped(t, ops) == "" {
			t.Error("no drop is counted")
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		freed := time.Now()
		wait.For(t, limit, "records that are kept", func() bool {
			before := dropped(t, ops)
			log.Info("is there room?")
			return dropped(t, ops) == before
		})
		t.Logf("METRIC service_resumed_after_enospc_ms=%d limit=2000", time.Since(freed).Milliseconds())
		get(t, ops+"/liveness", http.StatusOK)
	})
}

// dropped are the counters of dropped records that are not zero.
func dropped(t *testing.T, ops string) string {
	t.Helper()
	var found strings.Builder
	for line := range strings.Lines(grep(get(t, ops+"/metrics", http.StatusOK), "signalbox_log_dropped_total{")) {
		if !strings.HasSuffix(line, " 0\n") {
			fmt.Fprint(&found, line)
		}
	}
	return found.String()
}
