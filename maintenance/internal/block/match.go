package block

import (
	"slices"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// Matcher says which records of a block fulfil an expression, exactly as query.Match says it of each of them, but a
// column at a time. It keeps buffers: not safe for concurrent use.
type Matcher struct {
	expr    query.Expr
	columns Column
	first   Column
	stop    func() bool
	run     run
}

// run is the state for one block.
type run struct {
	*Block
	stop    func() bool
	stopped bool
	lacks   bool // codes are asked for that were not read
	checks  int
	words   folded // of messages
	values  folded // of the field that is looked at
	codes   []uint32
	scratch []byte
}

// Compile prepares an expression; nil holds for all. stop is asked now and then, nil never: once it says true the
// matcher gives up.
func Compile(e query.Expr, stop func() bool) *Matcher {
	if e == nil {
		e = query.And{}
	}
	return &Matcher{expr: inCost(e), columns: columnsOf(e), first: firstOf(e), stop: stop}
}

// Columns that the matcher reads; times, levels and parts are always there.
func (m *Matcher) Columns() Column { return m.columns }

// Match is which of the block's records, among those given, fulfil the expression; ok is false if it gave up. among is not
// changed. The block must have the matcher's columns, or the first of them.
func (m *Matcher) Match(b *Block, among Bitmap) (found Bitmap, ok bool) {
	r := &m.run
	r.Block, r.stop, r.stopped, r.lacks = b, m.stop, false, false
	r.words.reset(b.Coded.Words)
	found = r.eval(m.expr, among)
	return found, !r.stopped
}

func columnsOf(e query.Expr) (c Column) {
	set := query.Columns(e)
	for _, one := range [...]struct {
		reads query.ColumnSet
		is    Column
	}{
		{query.ReadsLogger, Logger}, {query.ReadsMsg, Msg}, {query.ReadsAttrs, Attrs}, {query.ReadsTrace, Trace}, {query.ReadsSpan, Span},
	} {
		if set&one.reads != 0 {
			c |= one.is
		}
	}
	return c
}

// inCost puts what is cheap in front, all the way down: what follows looks at fewer records then.
func inCost(e query.Expr) query.Expr {
	switch e := e.(type) {
	case query.And:
		all := make(query.And, len(e))
		for i, part := range e {
			all[i] = inCost(part)
		}
		slices.SortStableFunc(all, func(a, b query.Expr) int { return cost(a) - cost(b) })
		return all
	case query.Or:
		all := make(query.Or, len(e))
		for i, part := range e {
			all[i] = inCost(part)
		}
		return all
	case query.Not:
		return query.Not{Expr: inCost(e.Expr)}
	default:
		return e
	}
}

func cost(e query.Expr) int {
	c, weight := columnsOf(e), 0
	for column, w := range map[Column]int{Trace: 1, Span: 1, Logger: 2, Msg: 4, Attrs: 8} {
		if c&column != 0 {
			weight += w
		}
	}
	if hasRegex(e) {
		weight += 100
	}
	return weight
}

func hasRegex(e query.Expr) bool {
	switch e := e.(type) {
	case query.And:
		return slices.ContainsFunc(e, hasRegex)
	case query.Or:
		return slices.ContainsFunc(e, hasRegex)
	case query.Not:
		return hasRegex(e.Expr)
	case query.Regex:
		return true
	default:
		return false
	}
}

// eval returns a new bitmap, within among.
func (r *run) eval(e query.Expr, among Bitmap) Bitmap {
	switch e := e.(type) {
	case query.And:
		found := among.clone()
		for _, part := range e {
			if found.Empty() {
				break
			}
			found = r.eval(part, found)
		}
		return found
	case query.Or:
		found, left := NewBitmap(r.Records), among.clone()
		for _, part := range e {
			if left.Empty() {
				break
			}
			more := r.eval(part, left)
			found, left = found.or(more), left.without(more)
		}
		return found
	case query.Not:
		return among.clone().without(r.eval(e.Expr, among))
	case query.Text:
		return r.text(e, among)
	case query.Compare:
		return r.compare(e, among)
	case query.Regex:
		return r.regex(e, among)
	case query.Exists:
		return r.exists(e, among)
	default:
		return NewBitmap(r.Records)
	}
}

// filter asks fn of each record.
func (r *run) filter(among Bitmap, fn func(i int) bool) Bitmap {
	found := NewBitmap(r.Records)
	for i := range among.All() {
		if r.giveUp() {
			break
		}
		if fn(i) {
			found.Set(i)
		}
	}
	return found
}

// giveUp asks stop at every eighth call: a regular expression may take a millisecond for a long text. What is put off is
// given up, too.
func (r *run) giveUp() bool {
	if r.checks++; r.checks%8 == 0 && r.stop != nil && !r.stopped {
		r.stopped = r.stop()
	}
	return r.stopped || r.lacks
}

// coded are the records among those given whose code of a list is one that holds. It asks holds once for each of the n
// entries of the list, unless fewer records are left.
func (r *run) coded(c Codes, n int, among Bitmap, holds func(k int) bool) Bitmap {
	if among.Count() <= n {
		return r.filter(among, func(i int) bool { return holds(int(c.At(i))) })
	}
	held, any := make([]bool, n), 0
	for k := range held {
		if r.giveUp() {
			return NewBitmap(r.Records)
		}
		if held[k] = holds(k); held[k] {
			any++
		}
	}
	switch {
	case any == 0:
		return NewBitmap(r.Records)
	case any == n && c.Width == 0:
		return among.clone()
	}
	found := NewBitmap(r.Records)
	r.codes = c.unpack(r.codes[:0], r.Records)
	for i, code := range r.codes {
		if code < uint32(n) && held[code] && i < r.Records {
			found.Set(i)
		}
	}
	return found.and(among)
}
