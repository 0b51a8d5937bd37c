package spool

// tailBytes bounds what is kept in memory of what is written to one segment between two syncs.
const tailBytes = 1 << 20

// tail is what was written to a segment since its last good sync, in pieces that are used again: memory that grows by being
// copied to a larger place has a caller wait for milliseconds, of which the collector takes most.
type tail struct {
	at     int64    // where it begins in the segment
	pieces [][]byte // all full but the last
	size   int      // bytes
	over   bool     // it was too much to keep
}

const pieceBytes = 32 << 10

// pieces are those of a queue that wait to be used. The queue's lock guards them.
type pieces [][]byte

// mostPieces is what a whole tail takes.
const mostPieces = tailBytes / pieceBytes

func (p *pieces) take() []byte {
	n := len(*p) - 1
	if n < 0 {
		return make([]byte, 0, pieceBytes)
	}
	b := (*p)[n]
	*p = (*p)[:n]
	return b
}

// give takes back the pieces of a tail that is needed no more.
func (p *pieces) give(t tail) {
	for _, b := range t.pieces {
		if len(*p) == mostPieces {
			return
		}
		*p = append(*p, b[:0])
	}
}

// add is called under the lock of the queue whose pieces these are.
func (t *tail) add(b []byte, from *pieces) {
	if t.over = t.over || t.size+len(b) > tailBytes; t.over {
		t.forget(from)
		return
	}
	t.size += len(b)
	for len(b) > 0 {
		last := len(t.pieces) - 1
		if last < 0 || len(t.pieces[last]) == pieceBytes {
			t.pieces = append(t.pieces, from.take())
			last++
		}
		n := min(len(b), pieceBytes-len(t.pieces[last]))
		t.pieces[last] = append(t.pieces[last], b[:n]...)
		b = b[n:]
	}
}

func (t *tail) forget(to *pieces) {
	to.give(*t)
	t.pieces, t.size = nil, 0
}

// with what was written behind it.
func (t tail) with(next tail, from *pieces) tail {
	for _, b := range next.pieces {
		t.add(b, from)
	}
	if t.over = t.over || next.over; t.over {
		t.forget(from)
	}
	from.give(next)
	return t
}

// onto puts what is known over what the file says.
func (t tail) onto(b []byte) []byte {
	if t.over || t.size == 0 {
		return b
	}
	for int64(len(b)) < t.at {
		b = append(b, 0)
	}
	b = b[:t.at]
	for _, piece := range t.pieces {
		b = append(b, piece...)
	}
	return b
}

// spare keeps the memory of a tail for later ones.
func (q *Queue) spare(t tail) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pieces.give(t)
}
