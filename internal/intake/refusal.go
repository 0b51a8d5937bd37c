package intake

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// refusal is the store's reason for one of the records that it has refused since; "" if it has refused none.
func (s *Sender) refusal(since time.Time) string {
	dir := filepath.Join(s.settings.SpoolDir, "quarantine")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.ModTime().Before(since) {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		var refused struct{ Reason string }
		if err == nil && json.Unmarshal(raw, &refused) == nil && refused.Reason != "" {
			return refused.Reason
		}
	}
	return ""
}
