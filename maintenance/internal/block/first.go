package block

import "github.com/signalbox-mesh/signalbox/maintenance/internal/query"

// First are columns that are enough for most blocks without a match: lists instead of codes, as far as the expression looks for
// texts anywhere. Those of Columns where there is nothing to be saved. Match says of a block that has these what it would say
// with all, unless Lacks.
func (m *Matcher) First() Column { return m.first }

// Lacks reports that the last Match must be asked again of the same block with all of Columns.
func (m *Matcher) Lacks() bool { return m.run.lacks }

// firstOf is what the expression can be begun with.
func firstOf(e query.Expr) (c Column) {
	switch e := e.(type) {
	case query.And:
		c = firstOfAll(e)
	case query.Or:
		c = firstOfAll(e)
	case query.Not:
		return firstOf(e.Expr)
	case query.Text:
		return MsgLists | AttrLists
	case query.Compare:
		if e.Kind == query.Message && e.Op == query.Contains {
			return MsgLists
		}
		return columnsOf(e)
	default:
		return columnsOf(e)
	}
	if c&Msg != 0 {
		c &^= MsgLists
	}
	if c&Attrs != 0 {
		c &^= AttrLists
	}
	return c
}

func firstOfAll(all []query.Expr) (c Column) {
	for _, e := range all {
		c |= firstOf(e)
	}
	return c
}

// has reports that the column was read with its codes. Where only its lists were, the answer is put off.
func (r *run) has(c, lists Column) bool {
	if r.Has&c == 0 && r.Has&lists != 0 {
		r.lacks = true
		return false
	}
	return true
}
