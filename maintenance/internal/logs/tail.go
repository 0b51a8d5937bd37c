package logs

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

// late is how old a record may be that a tail still shows when it arrives.
const late = time.Hour

// ahead is how far before our clock a record may be.
const ahead = 15 * time.Minute

// pageOfTail is how many records one look brings; the rest follows in the next.
const pageOfTail = 500

// ErrPlace is returned for what names no place in a tail.
var ErrPlace = errors.New("this names no place in a tail")

// Shown is a record of a tail. Resume names the place behind it, on every replica.
type Shown struct {
	Stored
	Resume string
}

// place in a tail: what is shown next lies in the delta, behind the key, and is not older than since.
type place struct {
	seen, upto *Snapshot // seen nil: nothing; upto nil: not yet known
	after      *Key
	since      time.Time
}

// Tail follows the log. It shows each matching record once, whichever replica stored it and however its transaction
// was delayed, because it goes by what became visible, not by numbers. Not safe for concurrent use.
type Tail struct {
	store Store
	query Query
	place place
}

// NewTail starts now, with the newest backlog records of before.
func NewTail(ctx context.Context, s Store, q Query, backlog int) (*Tail, error) {
	t := &Tail{store: s, query: q}
	q.Limit, q.Oldest, q.After, q.Delta = backlog, false, nil, nil
	err := s.View(ctx, q.Within, func(v View) error {
		t.place = place{seen: v.Snapshot(), since: time.Now().Add(-late)}
		if backlog < 1 {
			return nil
		}
		p := &pager{query: q, want: backlog}
		if err := p.fill(ctx, v); err != nil || len(p.rows) == 0 {
			return err
		}
		first := p.rows[len(p.rows)-1].key
		t.place = place{upto: v.Snapshot(), after: &Key{first.TS, first.ID - 1}, since: first.TS}
		return nil
	})
	return t, err
}

// Resume goes on behind the place that a Shown, or a Tail's Place, has named. Errors: ErrPlace.
func Resume(s Store, q Query, at string) (*Tail, error) {
	p, err := readPlace(at)
	if err != nil {
		return nil, err
	}
	return &Tail{store: s, query: q, place: p}, nil
}

// Place names what has been shown so far, for Resume.
func (t *Tail) Place() string { return t.place.String() }

// Next returns what became visible since, at most a page, oldest first; full is true when there is more already.
// After an error it may be called again and misses nothing. Errors: ErrBusy, ErrTooSlow, the store's.
func (t *Tail) Next(ctx context.Context) (page []Shown, full bool, err error) {
	at := t.place
	var found Found
	err = t.store.View(ctx, t.query.Within, func(v View) error {
		if at.upto == nil {
			at.upto = v.Snapshot()
		}
		q := t.query
		q.Since, q.Until, q.Oldest, q.Limit = at.since, time.Now().Add(ahead+late), true, pageOfTail
		q.After, q.Delta = at.after, &Delta{at.seen, at.upto}
		p := &pager{query: q, want: q.Limit + 1}
		err := p.fill(ctx, v)
		found = p.page
		return err
	})
	if err != nil {
		return nil, false, err
	}
	for _, r := range found.Records {
		at.after = &r.Key
		page = append(page, Shown{r, at.String()})
	}
	if found.Next != nil {
		at.after = found.Next
	} else {
		at = place{seen: at.upto, since: time.Now().Add(-late)}
		if n := len(page); n > 0 {
			page[n-1].Resume = at.String()
		}
	}
	t.place = at
	return page, found.Next != nil, nil
}

// String is opaque to clients, and safe in a URL.
func (p place) String() string {
	after := ""
	if p.after != nil {
		after = fmt.Sprintf("%d/%d", p.after.TS.UnixMicro(), p.after.ID)
	}
	text := fmt.Sprintf("1|%d|%s|%s|%s", p.since.UnixMicro(), name(p.seen), name(p.upto), after)
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

func name(s *Snapshot) string {
	if s == nil {
		return ""
	}
	return s.String()
}

func readPlace(text string) (p place, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	parts := strings.Split(string(raw), "|")
	if err != nil || len(parts) != 5 || parts[0] != "1" {
		return p, ErrPlace
	}
	var since int64
	if _, err := fmt.Sscanf(parts[1], "%d", &since); err != nil {
		return p, ErrPlace
	}
	p.since = time.UnixMicro(since).UTC()
	if p.seen, err = readName(parts[2]); err != nil {
		return p, ErrPlace
	}
	if p.upto, err = readName(parts[3]); err != nil {
		return p, ErrPlace
	}
	if parts[4] != "" {
		var micro, id int64
		if _, err := fmt.Sscanf(parts[4], "%d/%d", &micro, &id); err != nil {
			return p, ErrPlace
		}
		p.after = &Key{time.UnixMicro(micro).UTC(), id}
	}
	if p.String() != text || p.seen == nil && p.upto == nil || p.since.Year() < 1970 || p.since.Year() > 9999 {
		return p, ErrPlace
	}
	return p, nil
}

func readName(text string) (*Snapshot, error) {
	if text == "" {
		return nil, nil
	}
	return ParseSnapshot(text)
}
