package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
)

const (
	identityName = "epoch.json"
	closedName   = "closed"
)

// Identity says who wrote an epoch: the resource of its records.
type Identity struct {
	Service     string `json:"service"`
	Instance    string `json:"instance"`
	Version     string `json:"version"`
	Environment string `json:"environment"`
	Epoch       string `json:"epoch"`
}

// Epoch is one run of an instance: this one, or an earlier one that was adopted.
type Epoch struct {
	Identity
	Queues [len(Classes)]*Queue // by class
	Closed bool                 // adopted after a clean stop
	Untold bool                 // adopted after a clean stop, of whose end the store may not know

	dir    string
	lock   *os.File
	ready  atomic.Bool // the folder is there, locked, and durable
	spool  *Spool
	parent string

	unheard atomic.Bool // nobody has heard where it ends
}

func newEpoch(s *Spool, id Identity, parent string) *Epoch {
	e := &Epoch{Identity: id, dir: filepath.Join(parent, id.Epoch), parent: parent, spool: s}
	for _, c := range Classes {
		e.Queues[c] = newQueue(c, id, e.dir, s)
	}
	return e
}

// create makes the folder and has its name on the disk; it may be repeated after disk trouble.
func (e *Epoch) create() error {
	if e.lock == nil {
		if err := e.makeDir(); err != nil {
			return err
		}
	}
	if err := e.spool.settings.Disk.SyncDir(e.parent); err != nil {
		return err
	}
	e.ready.Store(true)
	return nil
}

// makeDir makes the folder under a name that no adopter looks at, locks it, and then gives it its own. From then on the
// lock is held, or a sibling would take a living run for a dead one.
func (e *Epoch) makeDir() error {
	hidden := filepath.Join(e.parent, "."+e.Epoch)
	if err := os.Mkdir(hidden, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	held, err := lock(hidden)
	if err != nil {
		return err
	}
	if err := e.publish(hidden); err != nil {
		unlock(held)
		return err
	}
	e.lock = held
	return nil
}

func (e *Epoch) publish(hidden string) error {
	if err := writeJSON(filepath.Join(hidden, identityName), e.Identity); err != nil {
		return err
	}
	if err := e.spool.settings.Disk.SyncDir(hidden); err != nil {
		return err
	}
	return os.Rename(hidden, e.dir)
}

func writeJSON(path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeWhole(path, append(text, '\n'))
}

// writeWhole writes a file that is whole or not there.
func writeWhole(path string, text []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(path + ".new") // on a full disk its room is wanted
		return err
	}
	return os.Rename(path+".new", path)
}

func (e *Epoch) flush() {
	e.Queues[Error].flush()
	for _, c := range [...]Class{Warn, Info, Debug} {
		e.Queues[c].flush()
	}
}

// Seal ends appending: what States say of the issued sequences is final. Records that come later are counted as dropped.
// It may be called again.
func (e *Epoch) Seal() {
	for _, q := range e.Queues {
		q.seal()
	}
}

// Unheard says, before Close, that the store could not be told that this is the end. Whoever adopts the epoch finds it
// Untold.
func (e *Epoch) Unheard() { e.unheard.Store(true) }

// States of all classes, the lowest first.
func (e *Epoch) States() []State {
	states := make([]State, 0, len(e.Queues))
	for _, q := range e.Queues {
		states = append(states, q.State())
	}
	return states
}

// final is what a clean stop writes down, by class.
type final struct {
	Issued  map[string]uint64 `json:"issued"`  // the highest sequences
	Written map[string]uint64 `json:"written"` // the highest ordinals
	Untold  bool              `json:"untold"`  // the store had not acknowledged all, or was not told that it is all
}

func (e *Epoch) markClosed() error {
	if e.lock == nil {
		return nil
	}
	f := final{Issued: map[string]uint64{}, Written: map[string]uint64{}, Untold: e.unheard.Load()}
	for _, q := range e.Queues {
		last, acked := q.latest()
		f.Untold = f.Untold || acked < last.seq
		f.Issued[q.class.String()], f.Written[q.class.String()] = last.seq, last.ordinal
	}
	return writeJSON(filepath.Join(e.dir, closedName), f)
}

// finalSequences of an epoch that was closed cleanly; ok is false if it was not.
func finalSequences(dir string) (f final, ok bool) {
	text, err := os.ReadFile(filepath.Join(dir, closedName))
	if err != nil {
		return final{}, false
	}
	return f, json.Unmarshal(text, &f) == nil
}

// beyond is the place behind the last record of a class; zero if that is not known.
func (f final) beyond(c Class) place {
	issued, known := f.Issued[c.String()]
	if !known {
		return place{}
	}
	return place{issued + 1, f.Written[c.String()] + 1}
}

// Remove ends an adopted epoch of which everything is acknowledged. Whoever comes in between sees a closed
// epoch without segments.
func (e *Epoch) Remove() error {
	for _, q := range e.Queues {
		q.release()
	}
	e.spool.leave(e)
	e.spool.saveLosses(0) // those of this epoch are told from now on by the current one
	err := errors.Join(e.markClosed(), os.RemoveAll(e.dir))
	unlock(e.lock)
	if err != nil {
		return fmt.Errorf("remove epoch %s: %w", e.Epoch, err)
	}
	return nil
}

func (e *Epoch) release() {
	for _, q := range e.Queues {
		q.release()
	}
	if e.lock != nil {
		unlock(e.lock)
	}
}
