package inproc

import (
	"context"
	"fmt"
	"slices"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// listParked reads the parking place, oldest first. A file that is gone meanwhile was replayed.
func (q *queue) listParked(ctx context.Context, limit int) ([]bus.Parked, error) {
	paths, err := q.store.list(q.name, parked)
	if err != nil {
		return nil, fmt.Errorf("list parked of %q: %w", q.name, err)
	}
	var all []bus.Parked
	for _, path := range paths {
		if len(all) >= limit || ctx.Err() != nil {
			break
		}
		p, err := readParked(path)
		if isMissing(err) {
			continue
		}
		if err != nil {
			return all, err
		}
		all = append(all, p)
	}
	return all, ctx.Err()
}

func readParked(path string) (bus.Parked, error) {
	var r record
	if err := read(path, &r); err != nil {
		return bus.Parked{}, err
	}
	return r.parked()
}

// replay puts parked events back: into pending first, so that a crash between doubles and never loses.
func (q *queue) replay(ctx context.Context, ids []string) (int, error) {
	paths, err := q.store.list(q.name, parked)
	if err != nil {
		return 0, fmt.Errorf("replay parked of %q: %w", q.name, err)
	}
	n := 0
	for _, path := range paths {
		if ctx.Err() != nil {
			return n, ctx.Err()
		}
		done, err := q.replayOne(path, ids)
		if err != nil {
			return n, fmt.Errorf("replay parked of %q: %w", q.name, err)
		}
		if done {
			n++
		}
	}
	return n, nil
}

func (q *queue) replayOne(path string, ids []string) (bool, error) {
	var r record
	if err := read(path, &r); err != nil {
		return false, ignoreMissing(err)
	}
	p, err := r.parked()
	if err != nil || len(ids) > 0 && !slices.Contains(ids, p.ID) {
		return false, nil
	}
	r = record{Key: r.Key, Headers: r.Headers, Event: r.Event, Attempt: 1}
	q.mu.Lock()
	q.seq++
	it := &item{seq: q.seq, record: r}
	q.mu.Unlock()
	if err := q.keep(it); err != nil {
		return false, err
	}
	err = q.store.drop(path)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ready = append(q.ready, it)
	q.dispatch()
	return true, err
}

func ignoreMissing(err error) error {
	if isMissing(err) {
		return nil
	}
	return err
}
