package ship

import (
	"fmt"

	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// rejected is the form of a file in the quarantine folder.
type rejected struct {
	spool.Identity
	Class  string `json:"class"`
	Seq    uint64 `json:"seq"`
	Reason string `json:"reason"`
	Record string `json:"record"` // the line as it was spooled
}

func (s *stream) quarantine(r spool.Record, reason error) error {
	class := s.queue.Class().String()
	name := fmt.Sprintf("%s-%s-%d.json", s.epoch.Epoch, class, r.Seq)
	return s.settings.Spool.SetAside(name, rejected{s.epoch.Identity, class, r.Seq, reason.Error(), string(r.Line)})
}
