package sidecar

import (
	"context"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
)

const (
	pulseEvery = 5 * time.Second
	pulseLimit = 20 * time.Second // without a pulse /liveness says 503
)

// pulse is the process's own loop, for /liveness: it takes each lock that all of the service needs. Should one of
// them never be free again, only a restart helps. It asks nobody outside and touches no disk, whose failures a restart
// does not mend. It ends with the stop.
func (s *Sidecar) pulse() {
	looks := []func(){
		func() { s.health.Report() },
		func() { s.levels.States() },
		func() { s.api.Routes() },
		func() { s.workers.look() },
	}
	if s.fleet != nil {
		looks = append(looks, func() { _ = s.fleet.Progress() })
	}
	beatWhile(s.stopped, s.health.Watchdog("pulse", pulseLimit), looks)
}

// beatWhile beats after each round of looks, until stopped is closed.
func beatWhile(stopped <-chan struct{}, beat func(), looks []func()) {
	for {
		for _, look := range looks {
			look()
		}
		beat()
		_ = pause.Until(context.Background(), pulseEvery, stopped)
		select {
		case <-stopped:
			return
		default:
		}
	}
}
