package spool

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// powerless is a disk that remembers how much of each file was synced, so that a test can take away the
// rest as a power cut would. The folder's entries count as durable once SyncDir was called behind them.
type powerless struct {
	osDisk
	mu      sync.Mutex
	synced  map[string]int64
	written map[string]int64
	entries map[string]bool
	fresh   []string
}

type powerlessFile struct {
	File
	disk *powerless
	path string
}

func newPowerless() *powerless {
	return &powerless{synced: map[string]int64{}, written: map[string]int64{}, entries: map[string]bool{}}
}

func (d *powerless) Create(path string) (File, error) {
	f, err := d.osDisk.Create(path)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fresh = append(d.fresh, path)
	return powerlessFile{f, d, path}, err
}

func (d *powerless) SyncDir(path string) error {
	err := d.osDisk.SyncDir(path)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.fresh {
		d.entries[p] = true
	}
	d.fresh = nil
	return err
}

func (f powerlessFile) WriteAt(b []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(b, off)
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.disk.written[f.path] = max(f.disk.written[f.path], off+int64(n))
	return n, err
}

func (f powerlessFile) Sync() error {
	f.disk.mu.Lock()
	sure := f.disk.written[f.path]
	f.disk.mu.Unlock()
	err := f.File.Sync()
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.disk.synced[f.path] = sure
	return err
}

// cut copies what a power cut leaves of an epoch into another instance's folder.
func (d *powerless) cut(t *testing.T, epoch, to string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	for path := range d.entries {
		content, err := os.ReadFile(path)
		if err != nil || filepath.Dir(path) != epoch {
			t.Fatal(path, err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(path)), content[:d.synced[path]], 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestL2_PowerCut: every error and audit record whose call returned in time is there, of the others all
// that a flush has passed.
func TestL2_PowerCut(t *testing.T) {
	t.Parallel()
	disk := newPowerless()
	s := opened(t, Settings{Disk: disk, SegmentBytes: 4 << 10})
	const errors = 200
	lateBefore := sum(t, s.metrics.late)
	for i := range errors {
		s.Append(Info, frame(fmt.Sprintf("info %d", i)))
		s.Append(Error, frame(fmt.Sprintf("error %050d", i)))
	}
	dir := instanceDir(t)
	disk.cut(t, s.current.dir, filepath.Join(dir, s.Current().Epoch))
	late := sum(t, s.metrics.late) - lateBefore
	after := opened(t, Settings{Dir: dir})
	epochs := after.Adopt()
	if len(epochs) != 1 {
		t.Fatalf("%d adopted", len(epochs))
	}
	found := len(drained(t, epochs[0].Queues[Error]))
	infos := len(drained(t, epochs[0].Queues[Info]))
	t.Logf("METRIC errors_lost_in_power_cut=%d limit=%d (those that waited 10 ms in vain; %d of %d infos lost)", errors-found, late, errors-infos, errors)
	if errors-found > late {
		t.Errorf("%d errors found of %d, %d were late", found, errors, late)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
