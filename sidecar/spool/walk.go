package spool

import "bytes"

// harm is a damaged part of a segment.
type harm struct {
	at, size int64  // in bytes; a size of 0: the segment ends early
	why      string // of its beginning
	bytes    []byte // its beginning, harmKept at most
	lost     uint64 // records
	from, to uint64 // the sequences that they are among
}

// behind is what of the harm concerns records that are not acknowledged.
func (h harm) behind(acked uint64) harm {
	h.from = max(h.from, acked+1)
	h.lost = min(h.lost, max(h.to+1, h.from)-h.from)
	return h
}

const harmKept = 64 << 10

// walk reads the frames of one segment in order. Damage is not skipped unseen: each part of it becomes a
// harm, whose loss is known from the frames before and behind it.
type walk struct {
	passed place // of the last sound frame, or where the segment begins
	at     int64 // offset in the segment of what is read next
	harms  []harm
	open   bool  // the last harm has no sound frame behind it yet
	ended  bool  // the frame that ends a full segment was read
	beyond place // what it says
}

// over walks over b, which lies at w.at, until it has handed most records, or so many bytes, to visit. last: the
// segment ends with b; if not, damage may be a frame that b cuts in two, and the walk stops before it.
func (w *walk) over(b []byte, last bool, most, bytes int, visit func(Record)) {
	for read := 0; read < len(b) && most > 0 && read < bytes; {
		at, line, size, why := next(b[read:])
		if why == "" && at.ordinal <= w.passed.ordinal {
			why = whyStale
		}
		switch {
		case why != "" && !last || why == "" && read > 0 && read+size > bytes:
			return
		case why != "":
			size = resync(b[read:])
			w.hurt(b[read:read+size], why)
		case at.seq == 0:
			w.ended, w.beyond = true, place{followedBy(line), at.ordinal}
			w.finish(w.beyond)
			size = len(b) - read // what lies behind is no part of the segment
		default:
			w.settle(at)
			w.passed = at
			most--
			visit(Record{at.seq, line})
		}
		read += size
		w.at += int64(size)
	}
}

// hurt notes damage; parts that touch are one.
func (w *walk) hurt(b []byte, why string) {
	if !w.open {
		w.harms = append(w.harms, harm{at: w.at, why: why})
		w.open = true
	}
	h := &w.harms[len(w.harms)-1]
	h.size += int64(len(b))
	h.bytes = append(h.bytes, bytes.Clone(b[:min(len(b), harmKept-len(h.bytes))])...)
}

// settle says what the last harm has cost, as the next frame is at a place.
func (w *walk) settle(next place) {
	if w.open {
		h := &w.harms[len(w.harms)-1]
		h.lost, h.from, h.to = next.ordinal-w.passed.ordinal-1, w.passed.seq+1, next.seq-1
		w.open = false
	}
}

// finish ends the walk at the end of the segment. beyond is the place behind the last record that it should
// have, zero if nobody knows: then a torn end is taken for one record.
func (w *walk) finish(beyond place) {
	switch {
	case beyond.ordinal <= w.passed.ordinal && !w.open:
		return
	case beyond.ordinal <= w.passed.ordinal:
		beyond = place{w.passed.seq + 2, w.passed.ordinal + 2}
	case beyond.ordinal > w.passed.ordinal+1 && !w.open:
		w.hurt(nil, whyMissing)
	}
	w.settle(beyond)
	w.passed = place{beyond.seq - 1, beyond.ordinal - 1}
}
