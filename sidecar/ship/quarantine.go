package ship

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// maxQuarantine bounds the folder: a store that refuses everything must not fill the disk.
const maxQuarantine = 1000

// rejected is the form of a file in the quarantine folder.
type rejected struct {
	spool.Identity
	Class  string `json:"class"`
	Seq    uint64 `json:"seq"`
	Reason string `json:"reason"`
	Record string `json:"record"` // the line as it was spooled
}

func (s *stream) quarantine(r spool.Record, reason error) error {
	dir := s.settings.Quarantine
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("set a record aside: %w", err)
	}
	there, err := os.ReadDir(dir)
	if err != nil || len(there) >= maxQuarantine {
		return fmt.Errorf("set a record aside: %d are in %s already (%w)", len(there), dir, os.ErrExist)
	}
	class := s.queue.Class().String()
	text, err := json.Marshal(rejected{s.epoch.Identity, class, r.Seq, reason.Error(), string(r.Line)})
	if err != nil {
		return fmt.Errorf("set a record aside: %w", err)
	}
	name := fmt.Sprintf("%s-%s-%d.json", s.epoch.Epoch, class, r.Seq)
	if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
		return fmt.Errorf("set a record aside: %w", err)
	}
	return nil
}
