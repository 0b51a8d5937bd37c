package logs

import (
	"context"
	"slices"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// Found is a page of records.
type Found struct {
	Records []Stored
	Next    *Key // where the following page begins; nil after the last record
	Partial bool // time was up before the page was full: Next is how far it has looked
	Gaps    []Gap
}

// Page finds the first q.Limit records of q; with a limit below 1 it is empty, and the last. Pages that follow one
// another by Next neither skip nor repeat a record that was there when the first was read, whatever comes in meanwhile.
// Errors: ErrTooSlow when not even the first block could be looked through, ErrBusy.
func Page(ctx context.Context, s Store, q Query) (Found, error) {
	found, err := page(ctx, s, q)
	if err != nil || q.Limit < 1 {
		return Found{}, err
	}
	found.Gaps, err = gapsOf(ctx, s, q, found.Next)
	return found, err
}

// page is Page without its gaps.
func page(ctx context.Context, s Store, q Query) (Found, error) {
	if q.Limit < 1 {
		return Found{}, nil
	}
	p := &pager{query: q, want: q.Limit + 1}
	err := s.View(ctx, q.Within, func(v View) error { return p.fill(ctx, v) })
	return p.page, err
}

// pager keeps the best rows that it was shown.
type pager struct {
	query Query
	want  int
	rows  []row // a heap with the worst on top, once it is full
	page  Found
}

type row struct {
	key   Key
	chunk *Chunk
	at    int
}

func (p *pager) fill(ctx context.Context, v View) error {
	columns := block.Column(0)
	if p.query.Expr != nil && block.Asks(query.Require(p.query.Expr)) {
		columns = block.AllColumns // few blocks match: all at once saves asking twice
	}
	rest, err := v.Scan(ctx, p.query, columns, p)
	if err != nil {
		return err
	}
	slices.SortFunc(p.rows, func(a, b row) int { return p.order(a.key, b.key) })
	if rest != nil {
		p.stop(*rest)
	}
	if len(p.rows) > p.query.Limit {
		p.rows = p.rows[:p.query.Limit]
		p.page.Next, p.page.Partial = &p.rows[p.query.Limit-1].key, false
	}
	return p.load(ctx, v)
}

// stop keeps what lies before the place where time was up; the next page begins there.
func (p *pager) stop(rest time.Time) {
	end := Key{TS: rest}
	if !p.query.Oldest {
		end.TS = rest.Add(time.Microsecond)
	}
	n, _ := slices.BinarySearchFunc(p.rows, end, func(r row, k Key) int { return p.order(r.key, k) })
	p.rows, p.page.Next, p.page.Partial = p.rows[:n], &end, true
}

func (p *pager) load(ctx context.Context, v View) error {
	var chunks []*Chunk
	known := map[*Chunk]bool{}
	for _, r := range p.rows {
		if !known[r.chunk] {
			known[r.chunk], chunks = true, append(chunks, r.chunk)
		}
	}
	if err := v.Load(ctx, block.AllColumns, chunks...); err != nil {
		return err
	}
	p.page.Records = make([]Stored, len(p.rows))
	for i, r := range p.rows {
		p.page.Records[i] = r.chunk.Stored(r.at)
	}
	return nil
}

// order of keys as the query asks for it.
func (p *pager) order(a, b Key) int {
	if p.query.Oldest {
		return a.Compare(b)
	}
	return b.Compare(a)
}

// Wants a block that may hold something better than the worst of a full page.
func (p *pager) Wants(h *block.Head) bool {
	if len(p.rows) < p.want {
		return true
	}
	if p.query.Oldest {
		return !h.From.After(p.rows[0].key.TS)
	}
	return !h.To.Before(p.rows[0].key.TS)
}

// Visit takes what is good enough.
func (p *pager) Visit(c *Chunk) error {
	for i := range c.Match.All() {
		if len(p.rows) == p.want && p.worse(c.Time(i)) {
			continue
		}
		r := row{c.Key(i), c, i}
		switch {
		case len(p.rows) < p.want:
			p.rows = append(p.rows, r)
			p.up(len(p.rows) - 1)
		case p.order(r.key, p.rows[0].key) < 0:
			p.rows[0] = r
			p.down(0)
		}
	}
	return nil
}

func (p *pager) worse(ts time.Time) bool {
	if p.query.Oldest {
		return ts.After(p.rows[0].key.TS)
	}
	return ts.Before(p.rows[0].key.TS)
}

func (p *pager) up(i int) {
	for i > 0 {
		above := (i - 1) / 2
		if p.order(p.rows[i].key, p.rows[above].key) <= 0 {
			return
		}
		p.rows[i], p.rows[above] = p.rows[above], p.rows[i]
		i = above
	}
}

func (p *pager) down(i int) {
	for {
		worst := i
		for _, below := range [2]int{2*i + 1, 2*i + 2} {
			if below < len(p.rows) && p.order(p.rows[below].key, p.rows[worst].key) > 0 {
				worst = below
			}
		}
		if worst == i {
			return
		}
		p.rows[i], p.rows[worst] = p.rows[worst], p.rows[i]
		i = worst
	}
}
