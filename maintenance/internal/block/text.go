package block

import (
	"strings"
	"unicode/utf8"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// text looks into messages, and into the names and values of attributes.
func (r *run) text(t query.Text, among Bitmap) Bitmap {
	found := r.message(t, among)
	left := among.clone().without(found)
	if left.Empty() {
		return found
	}
	return found.or(r.anywhere(t, left))
}

// message finds the text in messages.
func (r *run) message(t query.Text, among Bitmap) Bitmap {
	among = r.phrases(t.Value, t.Wild, among)
	if parts := strings.Trim(t.Value, "*"); !t.Wild || !strings.Contains(parts, "*") {
		return among
	}
	return r.messageHolds(among, t.Holds) // all parts are there; are they in this order?
}

// phrases finds the messages that contain the value, or all that stands between its stars, whatever the case.
func (r *run) phrases(value string, wild bool, among Bitmap) Bitmap {
	value = query.Fold(value)
	if !wild {
		return r.phrase(value, among)
	}
	for part := range strings.SplitSeq(value, "*") {
		among = r.phrase(part, among)
	}
	return among.clone()
}

// phrase finds the messages that contain the needle, which is folded. Pieces of messages begin where words do (see
// cuts): so the needle, cut the same way, is the end of a piece, whole pieces, and the beginning of one, or it stands
// within one piece. Then no message need be decoded.
func (r *run) phrase(needle string, among Bitmap) Bitmap {
	if needle == "" || among.Empty() {
		return among.clone()
	}
	found := NewBitmap(r.Records)
	within := r.pieces(needle, func(string, int) bool { return true })
	var rest []marks
	if ends := cuts(nil, needle); len(ends) > 0 {
		rest = r.sequence(needle, ends)
	}
	if within == nil && rest == nil || !r.has(Msg, MsgLists) {
		return found
	}
	// What a code is worth a look for: the end of a message, a hit, or the beginning of one.
	const end, hit, begin = 1, 2, 4
	kinds := make([]uint8, len(list(&r.index.words, r.Coded.Words, Unit))+1)
	kinds[0] = end
	for code := range within {
		if within[code] {
			kinds[code] |= hit
		}
	}
	for code := range len(kinds) {
		if rest != nil && rest[0].has(uint32(code)) {
			kinds[code] |= begin
		}
	}
	i := 0 // the record
	r.Coded.Msg.scan(kinds, func(at int, kind uint8) bool {
		if kind&hit != 0 || kind&begin != 0 && stand(rest, r.Coded.Msg, at) {
			found.Set(i)
		}
		if kind&end != 0 {
			i++
		}
		return i < r.Records
	})
	return found.and(among)
}

// sequence are the pieces that may stand for each part of the needle; nil if there are none for one of them.
func (r *run) sequence(needle string, ends []int32) (all []marks) {
	from := 0
	for k := range len(ends) + 1 {
		part := needle[from:]
		if k < len(ends) {
			part = needle[from:ends[k]]
		}
		m := r.pieces(part, func(piece string, at int) bool {
			return (k == 0 || at == 0) && (k == len(ends) || at+len(part) == len(piece))
		})
		if m == nil {
			return nil
		}
		all, from = append(all, m), from+len(part)
	}
	return all
}

// marks says of each code whether it is meant; nil: none is.
type marks []bool

func (m marks) has(code uint32) bool { return code < uint32(len(m)) && m[code] }

// stand reports whether the codes go on with one of each.
func stand(all []marks, codes Codes, at int) bool {
	for k, m := range all {
		if !m.has(uint32(codes.At(at + k))) {
			return false
		}
	}
	return true
}

// pieces are those in which the needle stands where judge accepts it.
func (r *run) pieces(needle string, judge func(piece string, at int) bool) (m marks) {
	hits(r.words.of(needle), Unit[0], needle, func(n int, piece string, at int) bool {
		if r.giveUp() {
			return true
		}
		if !judge(piece, at) {
			return false
		}
		if m == nil {
			m = make(marks, len(list(&r.index.words, r.Coded.Words, Unit))+1)
		}
		if n+1 < len(m) {
			m[n+1] = true
		}
		return true
	})
	return m
}

// messageHolds asks holds of the messages, once of each that is one piece.
func (r *run) messageHolds(among Bitmap, holds func(string) bool) Bitmap {
	if among.Empty() || !r.has(Msg, MsgLists) {
		return among.clone()
	}
	r.messages()
	known := map[uint32]bool{}
	return r.filter(among, func(i int) bool {
		codes := r.msgCodes(i)
		if len(codes) != 1 {
			r.scratch = r.appendMsg(r.scratch[:0], i)
			return holds(textOf(r.scratch))
		}
		held, asked := known[codes[0]]
		if !asked {
			held = holds(r.word(codes[0]))
			known[codes[0]] = held
		}
		return held
	})
}

// folded is a text in which case does not matter, made when it is asked for.
type folded struct {
	text     string
	ascii    []byte // A-Z folded, of the length of the text
	wide     string // folded as query.Fold does
	done     bool
	wideDone bool
}

func (f *folded) reset(text string) { f.text, f.done, f.wideDone = text, false, false }

// of is the folded text that holds the needle if the text does. The next text takes its place.
func (f *folded) of(needle string) string {
	if isASCII(needle) {
		if !f.done {
			f.ascii, f.done = lower(f.ascii[:0], f.text), true
		}
		return textOf(f.ascii)
	}
	if !f.wideDone {
		f.wide, f.wideDone = query.Fold(f.text), true
	}
	return f.wide
}

// hits calls judge with the entries of the list in which the needle stands, and where it begins there: again with the
// next hit in the same entry if it says no.
func hits(joined string, separator byte, needle string, judge func(n int, text string, at int) bool) {
	if needle == "" || strings.IndexByte(needle, separator) >= 0 {
		return
	}
	n, start, end := 0, 0, -1 // of the entry that is looked at; -1: it is to be found
	for at := 0; ; {
		hit := strings.Index(joined[at:], needle)
		if hit < 0 {
			return
		}
		if hit += at; hit >= end { // what lies between is counted once, however many hits an entry has
			if more := strings.Count(joined[start:hit], string(separator)); more > 0 {
				n, start = n+more, start+strings.LastIndexByte(joined[start:hit], separator)+1
			}
			if end = strings.IndexByte(joined[hit:], separator); end < 0 {
				end = len(joined)
			} else {
				end += hit
			}
		}
		if at = hit + 1; judge(n, joined[start:end], hit-start) {
			at = end
		}
	}
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
