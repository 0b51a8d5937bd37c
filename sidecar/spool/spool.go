package spool

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
)

// Settings are injected by the logging.
type Settings struct {
	Dir          string // STATE/spool/<service>/<instance>
	Service      string
	Instance     string
	Version      string
	Environment  string
	LimitBytes   int64 // of all classes and adopted epochs together; 0: 256 MiB
	SegmentBytes int64 // of one segment file; 0: 4 MiB, and never more than a 16th of the limit
	Unhurried    bool  // Append waits for no disk at all, not for an error either: its caller could give the record again
	Disk         Disk  // nil: the operating system's
	Registerer   prometheus.Registerer
}

const (
	defaultLimit   = 256 << 20
	defaultSegment = 4 << 20
	errorWait      = 10 * time.Millisecond
)

func (s Settings) withDefaults() Settings {
	if s.LimitBytes == 0 {
		s.LimitBytes = defaultLimit
	}
	if s.SegmentBytes == 0 {
		s.SegmentBytes = defaultSegment
	}
	s.SegmentBytes = min(s.SegmentBytes, max(s.LimitBytes/16, 4<<10))
	if s.Disk == nil {
		s.Disk = osDisk{}
	}
	if s.Registerer == nil {
		s.Registerer = prometheus.NewRegistry()
	}
	return s
}

// Spool of one instance. Append may be called by any goroutine, also after Close.
type Spool struct {
	settings Settings
	space    space
	metrics  *metrics
	instance *os.File // lock of the instance's folder
	current  *Epoch
	flusher  flusher
	closing  sync.Once
	losses   losses
	graves   graves

	quarantine quarantine

	mu      sync.Mutex
	adopted []*Epoch // oldest first
}

// Open begins a new epoch. A folder held by another process is ErrHeld; a full or failing disk is not an
// error: records are dropped and counted until it mends.
func Open(settings Settings) (*Spool, error) {
	s := &Spool{settings: settings.withDefaults()}
	s.graves = graves{remove: s.settings.Disk.Remove, failed: func(err error) { s.metrics.failed("remove", err) }, room: 2 * s.settings.SegmentBytes}
	s.space = space{limit: s.settings.LimitBytes - s.graves.room, shed: s.shed}
	s.metrics = newMetrics(func() float64 { return float64(s.space.used.Load() + s.graves.held()) }, s.unacknowledged)
	s.current = s.newEpoch()
	if err := s.prepare(); err != nil && !diskTrouble(err) {
		s.release()
		return nil, fmt.Errorf("open spool %s: %w", s.settings.Dir, err)
	}
	if err := s.metrics.register(s.settings.Registerer); err != nil {
		s.discard()
		return nil, fmt.Errorf("register metrics of the spool: %w", err)
	}
	s.flusher = newFlusher(s.tick)
	go s.flusher.run()
	return s, nil
}

// newEpoch is named by a UUID of version 7, whose order is that of time.
func (s *Spool) newEpoch() *Epoch {
	return newEpoch(s, Identity{
		Service: s.settings.Service, Instance: s.settings.Instance, Version: s.settings.Version,
		Environment: s.settings.Environment, Epoch: uuid.Must(uuid.NewV7()).String(),
	}, s.settings.Dir)
}

// prepare takes the folders and their locks; it may be repeated after disk trouble.
func (s *Spool) prepare() error {
	if err := s.makeDir(s.settings.Dir); err != nil {
		return err
	}
	if s.instance == nil {
		held, err := lock(s.settings.Dir)
		if err != nil {
			return err
		}
		s.instance = held
	}
	return s.current.create()
}

// makeDir makes a folder and those above it; each is durable in its parent when it returns.
func (s *Spool) makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
		return nil
	}
	if err := s.makeDir(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return s.settings.Disk.SyncDir(filepath.Dir(dir))
}

// Append spools a frame of the class: HeaderSize bytes for the spool's use and the record. It answers whether
// the record is kept; if not, that is counted. The frame is the caller's again when it returns.
func (s *Spool) Append(class Class, frame []byte) (kept bool) {
	kept = s.append(class, frame)
	s.graves.begin()
	return kept
}

// Offer is Append of a record that is made again by a later run where it is not kept now: once the spool is sealed nothing
// is missed, and nothing is counted.
func (s *Spool) Offer(class Class, frame []byte) (kept bool) {
	return !s.current.Queues[class].isSealed() && s.Append(class, frame)
}

func (s *Spool) append(class Class, frame []byte) (kept bool) {
	q := s.current.Queues[class]
	if len(frame) > MaxFrame {
		q.skip(ReasonOversize)
		return false
	}
	var besides int64
	if s.space.tight(q.segmentBytes) {
		besides = q.opening(len(frame))
	}
	if !s.space.reserve(class, int64(len(frame)), besides) {
		q.skip(ReasonFull)
		return false
	}
	waiting, err := q.append(frame, crc32.Checksum(frame[HeaderSize:], castagnoli))
	if err != nil {
		s.space.used.Add(-int64(len(frame)))
		return false
	}
	s.metrics.spooled[class].Inc()
	s.settle(waiting)
	return true
}

// settle has the frame made durable, and waits for that if there is a channel to wait for.
func (s *Spool) settle(waiting <-chan struct{}) {
	if waiting == nil || s.settings.Unhurried {
		s.flusher.soon()
		return
	}
	s.flusher.now()
	limit := time.NewTimer(errorWait)
	defer limit.Stop()
	select {
	case <-waiting:
	case <-limit.C:
		s.metrics.late.Inc()
	}
}

// tick is the flusher's work: make durable what is written, and mend an epoch that a full disk left
// without its folder.
func (s *Spool) tick() {
	if !s.current.ready.Load() {
		s.metrics.failed("prepare", s.prepare())
	}
	s.current.flush()
	s.graves.again()
	s.saveLosses(saveEvery)
}

func (s *Spool) unacknowledged(c Class) float64 {
	n := 0
	for _, e := range append(s.Adopted(), s.current) {
		n += e.Queues[c].State().Pending
	}
	return float64(n)
}

// Adopted lists the epochs that were taken over and are not removed yet, oldest first.
func (s *Spool) Adopted() []*Epoch {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.adopted)
}

// Current is the epoch of this run.
func (s *Spool) Current() *Epoch { return s.current }

// Close makes everything durable and writes down that the epoch is closed, with its final sequences. What
// is not acknowledged is shipped by the next start. ctx bounds the wait for the disk. Only the first call
// does anything.
func (s *Spool) Close(ctx context.Context) (err error) {
	s.closing.Do(func() { err = s.close(ctx) })
	return err
}

func (s *Spool) close(ctx context.Context) error {
	s.current.Seal()
	if err := s.flusher.close(ctx); err != nil {
		return fmt.Errorf("flush spool: %w", err)
	}
	s.graves.finish(ctx)
	s.saveLosses(0)
	err := s.current.markClosed()
	s.release()
	if err != nil && !diskTrouble(err) {
		return fmt.Errorf("close epoch: %w", err)
	}
	return nil
}

// release gives up all locks, the one of the instance last.
func (s *Spool) release() {
	for _, e := range append(s.Adopted(), s.current) {
		e.release()
	}
	if s.instance != nil {
		unlock(s.instance)
	}
}

// discard undoes Open.
func (s *Spool) discard() {
	_ = os.RemoveAll(s.current.dir)
	s.release()
}
