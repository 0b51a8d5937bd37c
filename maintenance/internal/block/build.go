package block

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// Filtered is the number of records from which on a block has a filter: a smaller one is sooner read than asked.
const Filtered = 256

// Build makes a block of records of one service, one hour and one class of levels, 1 to Most of them. It sorts them
// by source and sequence, so that all[i] is the block's record i; one that no column can hold becomes a note of
// itself there (record.Record.Note). The block has no id, no transaction and no tier yet: see Store. The filter is nil
// below Filtered records. Times are kept to the microsecond, levels within int16.
func Build(all []*record.Record) (*Block, *Filter) {
	if !slices.IsSortedFunc(all, inOrder) { // which it mostly is
		slices.SortStableFunc(all, inOrder)
	}
	b := &Block{Has: AllColumns, TS: make([]int32, len(all)), Levels: make([]int16, len(all))}
	first := all[0]
	b.Class, b.Hour, b.Service, b.Records = TierOf(first.Level), first.TS.UTC().Truncate(time.Hour), first.Service, len(all)
	var filter *Filter
	if len(all) >= Filtered {
		filter = new(Filter)
	}
	b.write(all, filter)
	b.parts(all)
	return b, filter
}

// Store gives the block its id, its transaction and its tier.
func (b *Block) Store(id int64, tx uint64, tier Tier) {
	b.ID, b.Tx, b.Newest, b.Tier = id, tx, tx, tier
	for i := range b.Parts {
		b.Parts[i].First += id * Most
		b.Parts[i].Tx = tx
	}
}

func inOrder(a, b *record.Record) int {
	return cmp.Or(cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Class, b.Class), cmp.Compare(a.Seq, b.Seq))
}

// write fills the columns.
func (b *Block) write(all []*record.Record, filter *Filter) {
	var loggers, msgs, attrs strings.Builder
	size := [3]int{}
	for _, r := range all {
		size[0], size[1], size[2] = size[0]+len(r.Logger)+1, size[1]+len(r.Msg)+1, size[2]+len(r.Attrs)+1
	}
	loggers.Grow(size[0])
	msgs.Grow(size[1])
	attrs.Grow(size[2])
	b.Trace, b.Span = make([]byte, 16*len(all)), make([]byte, 8*len(all))
	b.Low, b.High = math.MaxInt16, math.MinInt16
	slots := map[int32]int32{}
	add, known := func(_, _ []byte) {}, new(recent)
	if filter != nil {
		add = filter.addPair
	}
	for i, r := range all {
		object, ok := storable(r, filter, known, add)
		if !ok {
			*r = r.Note("its texts or attributes are not valid")
			object, _ = storable(r, filter, known, add)
		}
		if i > 0 {
			loggers.WriteString(Unit)
			msgs.WriteString(Unit)
			attrs.WriteString(Line)
		}
		loggers.WriteString(r.Logger)
		msgs.WriteString(r.Msg)
		attrs.Write(object)
		// An id that is none leaves zeroes.
		_, _ = hex.Decode(b.Trace[16*i:16*i+16], []byte(r.TraceID)[:min(32, len(r.TraceID))])
		_, _ = hex.Decode(b.Span[8*i:8*i+8], []byte(r.SpanID)[:min(16, len(r.SpanID))])
		if filter != nil {
			filter.AddTrace(b.Trace[16*i : 16*i+16])
		}
		b.moment(i, r)
		slots[Slot(r.TS.UTC().Minute(), slog.Level(b.Levels[i]))]++
	}
	b.Logger, b.Msg, b.Attrs = loggers.String(), msgs.String(), attrs.String()
	b.Bytes = int64(len(b.Logger) + len(b.Msg) + len(b.Attrs))
	for _, s := range sorted(slots) {
		b.Slots, b.Counts = append(b.Slots, s), append(b.Counts, slots[s])
	}
}

// moment keeps time and level of record i.
func (b *Block) moment(i int, r *record.Record) {
	at := r.TS.UTC().Truncate(time.Microsecond)
	level := min(max(r.Level, math.MinInt16), math.MaxInt16)
	b.TS[i], b.Levels[i] = int32(at.Sub(b.Hour).Microseconds()-1<<31), int16(level)
	b.Low, b.High = min(b.Low, level), max(b.High, level)
	if i == 0 || at.Before(b.From) {
		b.From = at
	}
	if i == 0 || at.After(b.To) {
		b.To = at
	}
}

func sorted(slots map[int32]int32) []int32 {
	keys := make([]int32, 0, len(slots))
	for k := range slots {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// parts finds the runs. Records without a sequence are one run each source.
func (b *Block) parts(all []*record.Record) {
	for i, r := range all {
		source := SourceOf(r)
		if n := len(b.Parts); n > 0 {
			last := &b.Parts[n-1]
			if last.Source == source && follows(last, r.Seq) {
				last.Records++
				continue
			}
		}
		b.Parts = append(b.Parts, Part{Source: source, First: int64(i), Records: 1, Seq: r.Seq})
	}
}

func follows(p *Part, seq uint64) bool {
	if p.Seq == 0 {
		return seq == 0
	}
	return seq == p.Seq+uint64(p.Records)
}

// SourceOf is what a record shares with its neighbours.
func SourceOf(r *record.Record) Source {
	return Source{Instance: r.Instance, Epoch: r.Epoch, Class: r.Class, Version: r.Version, Environment: r.Environment,
		Cluster: r.Cluster, Namespace: r.Namespace, Node: r.Node}
}

// storable is the record's object as one line; false when PostgreSQL would refuse it, or a text, or read something else.
func storable(r *record.Record, filter *Filter, known *recent, add func(path, value []byte)) ([]byte, bool) {
	if !clean(r.Msg) || !clean(r.Logger) {
		return nil, false
	}
	object := []byte(r.Attrs)
	if len(object) == 0 {
		object = []byte("{}")
	}
	if !pairs(object, add) {
		var line bytes.Buffer
		if json.Compact(&line, object) != nil || !pairs(line.Bytes(), add) {
			return nil, false
		}
		object = line.Bytes()
	}
	if filter != nil {
		if !known.has(r.Msg) {
			filter.AddText(r.Msg)
		}
		addTrigrams(filter, object)
	}
	return object, true
}

// recent texts: most messages of a service have been there just before.
type recent [256]string

// has reports whether the text was there, as far as is remembered, and remembers it.
func (r *recent) has(text string) bool {
	if len(text) < 16 {
		return false
	}
	place := &r[(len(text)*31+int(text[8])*7+int(text[15])*13+int(text[len(text)/2]))&255]
	if *place == text {
		return true
	}
	*place = text
	return false
}

// clean reports whether a text can stand in a column as it is.
func clean(s string) bool {
	return strings.IndexByte(s, 0) < 0 && !strings.Contains(s, Unit) && utf8.ValidString(s)
}
