package logs

import (
	"context"
	"slices"
	"time"
)

// Store is what a tail needs of the store.
type Store interface {
	// Snapshot names what is visible now.
	Snapshot(ctx context.Context) (string, error)
	Searcher
	// Changes finds the records of q, oldest first, that lie in the delta.
	Changes(ctx context.Context, q Query, d Delta) ([]Stored, error)
}

// late is how old a record may be that a tail still shows when it arrives.
const late = time.Hour

// pageOfTail is how many records one look brings; the rest follows in the next.
const pageOfTail = 500

// Tail follows the log. It shows each matching record once, whichever replica stored it and however its
// transaction was delayed, because it goes by what became visible, not by numbers. Not safe for concurrent use.
type Tail struct {
	store Store
	query Query
	delta Delta
}

// NewTail starts now, and gives the newest backlog records of before, oldest first.
func NewTail(ctx context.Context, s Store, q Query, backlog int) (*Tail, []Stored, error) {
	snapshot, err := s.Snapshot(ctx)
	if err != nil {
		return nil, nil, err
	}
	t := &Tail{store: s, query: q, delta: Delta{Seen: snapshot}}
	if backlog == 0 {
		return t, nil, nil
	}
	q.Limit, q.Oldest, q.After = backlog, false, nil
	before, err := s.Search(ctx, q, snapshot)
	if err != nil {
		return nil, nil, err
	}
	slices.Reverse(before)
	return t, before, nil
}

// Resume goes on where a tail ended whose Seen was given, and returns the first page of what came since.
// Errors: the store's, if seen names no snapshot.
func Resume(ctx context.Context, s Store, q Query, seen string) (*Tail, []Stored, error) {
	t := &Tail{store: s, query: q, delta: Delta{Seen: seen}}
	page, _, err := t.Next(ctx, time.Now())
	return t, page, err
}

// Seen names what the tail has shown, for Resume.
func (t *Tail) Seen() string { return t.delta.Seen }

// Next returns what became visible since, at most a page; full is true when there is more already.
// After an error it may be called again and misses nothing.
func (t *Tail) Next(ctx context.Context, now time.Time) (page []Stored, full bool, err error) {
	if t.delta.Upto == "" {
		if t.delta.Upto, err = t.store.Snapshot(ctx); err != nil {
			return nil, false, err
		}
	}
	q := t.query
	q.Since, q.Until, q.Limit = now.Add(-late), now.Add(late), pageOfTail
	page, err = t.store.Changes(ctx, q, t.delta)
	if err != nil {
		return nil, false, err
	}
	if full = len(page) == pageOfTail; full {
		t.delta.After = &page[len(page)-1].Key
	} else {
		t.delta = Delta{Seen: t.delta.Upto}
	}
	return page, full, nil
}
