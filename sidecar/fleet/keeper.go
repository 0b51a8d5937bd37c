package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// settle is how long a change waits for others before it is written, and up to as long again: the disk is in nobody's
// way who is to be answered, and the instances of one machine do not all write at once. A process that is killed in
// between goes on with what was before, never for longer than that had left.
const settle = 100 * time.Millisecond

// budgetPause is how long what a budget has let through waits for the disk, besides: so much of it has a process again
// whose predecessor was killed.
const budgetPause = time.Second

// maxRecord bounds a file that is read, in bytes.
const maxRecord = 8 << 20

// keeper has the instance's leases outlive its process, in one file that only the owner reads. A disk that fails is
// counted and stops nothing: the heartbeat brings what it should have kept.
type keeper struct {
	path    string // "": nothing is kept
	clocks  clocks
	metrics *metrics
	log     *slog.Logger
	wanted  chan struct{} // the change has settled
	waiting atomic.Bool   // until one has
}

func newKeeper(path string, c clocks, m *metrics, log *slog.Logger) *keeper {
	if c.wall == nil {
		c = clocks{wall: time.Now, boot: boottime}
	}
	return &keeper{path: path, clocks: c, metrics: m, log: log, wanted: make(chan struct{}, 1)}
}

// want has the file written soon. It never blocks, and wakes nobody before that.
func (k *keeper) want() {
	if k.path == "" || k.waiting.Swap(true) {
		return
	}
	time.AfterFunc(settle+rand.N(settle), func() {
		select {
		case k.wanted <- struct{}{}:
		default:
		}
	})
}

// run writes what now says, whenever it is wanted, in time when a budget is being used, and once more when ctx has ended.
func (k *keeper) run(ctx context.Context, now func() record) {
	if k.path == "" {
		return
	}
	look := time.NewTimer(budgetPause)
	defer look.Stop()
	var last record
	for {
		select {
		case <-k.wanted:
			k.waiting.Store(false) // what changes from here on is written next
			last = k.write(ctx, now())
		case <-look.C:
			last = k.catchUp(ctx, last, now())
		case <-ctx.Done():
			if k.waiting.Swap(false) {
				k.write(ctx, now())
			} else {
				k.catchUp(ctx, last, now())
			}
			return
		}
		if look.Stop(); last.budgeted() {
			look.Reset(budgetPause)
		}
	}
}

// catchUp writes what is now, if more of a budget was used than was written last.
func (k *keeper) catchUp(ctx context.Context, last, now record) record {
	if now.used() == last.used() {
		return last
	}
	return k.write(ctx, now)
}

// write replaces the file, or removes it: a lease that was dropped does not come back because the disk was full.
func (k *keeper) write(ctx context.Context, r record) record {
	err := k.save(r)
	if err == nil {
		return r
	}
	k.metrics.unwritten.Inc()
	if gone := os.Remove(k.path); gone != nil && !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	k.log.WarnContext(ctx, "leases are not on the disk, a restart without view-service would forget them", slog.Any("err", err))
	return r
}

func (k *keeper) save(r record) error {
	raw, err := r.encode()
	if err != nil {
		return fmt.Errorf("encode the leases: %w", err)
	}
	dir := filepath.Dir(k.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := writeSynced(k.path+".new", raw); err != nil {
		return err
	}
	if err := os.Rename(k.path+".new", k.path); err != nil {
		return err
	}
	return syncDir(dir)
}

func writeSynced(path string, raw []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// load reads what an earlier process has left; false when there is nothing that counts. What cannot be read counts as
// nothing, and never holds up a start.
func (k *keeper) load(service, instance string) (record, bool) {
	if k.path == "" {
		return record{}, false
	}
	raw, err := readOwn(k.path)
	if errors.Is(err, os.ErrNotExist) {
		return record{}, false
	}
	var r record
	if err == nil {
		r, err = decode(raw, service, instance)
	}
	if err != nil {
		k.metrics.resumed.WithLabelValues(unreadable).Inc()
		k.log.Warn("leases on the disk are not taken up", slog.String("file", k.path), slog.Any("err", err))
		return record{}, false
	}
	return r, true
}

// readOwn refuses a file that others may have written.
func readOwn(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular(): // opening a pipe would wait for its other end
		return nil, errors.New("it is no file")
	case info.Mode().Perm()&0o022 != 0:
		return nil, fmt.Errorf("others may write it (mode %04o)", info.Mode().Perm())
	case info.Size() > maxRecord:
		return nil, errors.New("it is too large")
	}
	return os.ReadFile(path)
}
