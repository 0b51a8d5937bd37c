package ship

import (
	"context"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
)

const reportEvery = time.Second

// report tells of what was dropped, while the store takes records: as long as it is away, there is nobody
// to tell, and what is dropped meanwhile becomes one with what was dropped before.
func (s *Shipper) report(ctx context.Context) {
	if s.settings.Dropped == nil {
		return
	}
	for pause.For(ctx, reportEvery) == nil {
		if s.flowing() {
			s.settings.Spool.Report(s.settings.Dropped)
		}
	}
}

// flowing says that the store has answered, and that nothing has failed since.
func (s *Shipper) flowing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure == nil && !s.success.IsZero()
}
