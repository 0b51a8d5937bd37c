package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Bounds of the quarantine folder: a store that refuses everything, or a disk that rots, must not fill it.
const (
	quarantineName  = "quarantine"
	quarantineFiles = 1000
	quarantineBytes = 16 << 20
)

// ErrQuarantineFull says that something was not kept.
var ErrQuarantineFull = errors.New("quarantine is full")

// quarantine counts what is in the folder; it looks there once, and again after a failure.
type quarantine struct {
	mu     sync.Mutex
	looked bool
	files  int
	bytes  int64
}

// SetAside keeps what cannot be shipped for people to look at, as JSON under a name in the quarantine
// folder. The folder is bounded: 1000 files, 16 MiB. A name that is there is written anew.
func (s *Spool) SetAside(name string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("set %s aside: %w", name, err)
	}
	q := &s.quarantine
	q.mu.Lock()
	defer q.mu.Unlock()
	dir := filepath.Join(s.settings.Dir, quarantineName)
	if err := q.look(dir); err != nil {
		return fmt.Errorf("set %s aside: %w", name, err)
	}
	if q.files >= quarantineFiles || q.bytes+int64(len(text)) > quarantineBytes {
		return fmt.Errorf("set %s aside: %d files in %s: %w", name, q.files, dir, ErrQuarantineFull)
	}
	path := filepath.Join(dir, name)
	if before, err := os.Stat(path); err == nil {
		q.files, q.bytes = q.files-1, q.bytes-before.Size()
	}
	if err := writeWhole(path, text); err != nil { // durable: its record is acknowledged next, and gone from the spool
		q.looked, q.files, q.bytes = false, 0, 0
		return fmt.Errorf("set %s aside: %w", name, err)
	}
	q.files++
	q.bytes += int64(len(text))
	return nil
}

func (q *quarantine) look(dir string) error {
	if q.looked {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	there, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range there {
		if info, err := f.Info(); err == nil {
			q.files++
			q.bytes += info.Size()
		}
	}
	q.looked = true
	return nil
}

// damage is the form of a file in the quarantine folder that holds damaged bytes.
type damage struct {
	Instance string `json:"instance"`
	Epoch    string `json:"epoch"`
	Class    string `json:"class"`
	Segment  string `json:"segment"` // name of its file
	Offset   int64  `json:"offset"`
	Size     int64  `json:"size"`
	Reason   string `json:"reason"`
	Records  uint64 `json:"records"` // that are lost
	From     uint64 `json:"from"`    // the sequences that they are among
	To       uint64 `json:"to"`
	Bytes    []byte `json:"bytes"` // the first 64 KiB
}

// settle accounts for damage: what is lost is counted and will be told, the bytes are kept.
func (q *Queue) settle(harms []harm) {
	for _, h := range harms {
		segment := filepath.Base(q.lose(h))
		q.metrics.damaged.Inc()
		if h.size == 0 {
			continue
		}
		name := fmt.Sprintf("%s-%s-%d.json", q.epoch, segment, h.at)
		q.metrics.failed("quarantine", q.setAside(name, damage{Instance: q.instance, Epoch: q.epoch, Class: q.class.String(),
			Segment: segment, Offset: h.at, Size: h.size, Reason: h.why, Records: h.lost, From: h.from, To: h.to, Bytes: h.bytes}))
	}
}

// lose takes the records of a harm out of the books of the first segment and returns its path.
func (q *Queue) lose(h harm) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.segments[0]
	n := min(int(h.lost), s.records-s.done)
	s.done += n
	q.pending -= n
	q.drop(ReasonDamaged, h.lost, h.from, h.to)
	return s.path
}
