package block

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
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
func Build(all []*record.Record) (*Block, Filter) { return new(Builder).Build(all) }

// Builder makes one block after the other with the same buffers. The zero value is ready. Not safe for concurrent use.
type Builder struct {
	messages messages
	objects  objects
	loggers  dict
	traces   dict
	raw      []byte // of traces
	values   values
	logger   []uint32 // codes of the records
	trace    []uint32
	level    []uint32
	times    []int64 // µs since the hour
	slots    slots
}

// Build is as the function of that name; the block shares nothing with the next one.
func (e *Builder) Build(all []*record.Record) (*Block, Filter) {
	if !ordered(all) { // which it mostly is
		slices.SortStableFunc(all, inOrder)
	}
	b := &Block{}
	first := all[0]
	b.Class, b.Hour, b.Service = TierOf(first.Level), first.TS.UTC().Truncate(time.Hour), first.Service
	b.parts(all)
	return b, e.fill(b, all, len(all) >= Filtered)
}

// Store gives the block its id, its transaction and its tier.
func (b *Block) Store(id int64, tx uint64, tier Tier) {
	b.ID, b.Tx, b.Newest, b.Tier = id, tx, tx, tier
	for i := range b.Parts {
		b.Parts[i].First += id * Most
		b.Parts[i].Tx = tx
	}
}

func ordered(all []*record.Record) bool {
	for i, r := range all[1:] {
		before := all[i]
		if r.Instance == before.Instance && r.Epoch == before.Epoch && r.Class == before.Class {
			if r.Seq < before.Seq {
				return false
			}
		} else if inOrder(before, r) > 0 {
			return false
		}
	}
	return true
}

func inOrder(a, b *record.Record) int {
	return cmp.Or(cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Class, b.Class), cmp.Compare(a.Seq, b.Seq))
}

// fill makes head and columns of the records, but for what is known of them already: service, hour, class and parts.
func (e *Builder) fill(b *Block, all []*record.Record, filtered bool) Filter {
	e.reset(len(all))
	b.Has, b.Records, b.Bytes = Everything, len(all), -3
	b.Low, b.High = math.MaxInt16, math.MinInt16
	hour := b.Hour.UnixMicro()
	var spans []byte
	for i, r := range all {
		n, ok := e.texts(r)
		if !ok {
			*r = r.Note("its texts or attributes are not valid")
			n, _ = e.texts(r)
		}
		b.Bytes += int64(n)
		if i > 0 && r.TraceID == all[i-1].TraceID {
			e.trace = append(e.trace, e.trace[i-1])
		} else {
			e.trace = append(e.trace, e.traceOf(r.TraceID))
		}
		if r.SpanID != "" {
			if spans == nil {
				spans = make([]byte, 8*len(all))
			}
			readID(spans[8*i:8*i+8], r.SpanID)
		}
		e.moment(b, r, hour)
	}
	b.Coded.Span = spans
	return e.finish(b, filtered)
}

func (e *Builder) reset(n int) {
	e.messages.reset(n)
	e.objects.reset()
	e.loggers.reset(16)
	e.traces.reset(n / 2)
	e.slots.reset()
	e.raw, e.logger, e.trace, e.level, e.times = nil, e.logger[:0], e.trace[:0], e.level[:0], e.times[:0]
}

// texts takes the record's texts and attributes, and says how long they are, with a separator each; false when
// PostgreSQL would refuse one of them, or read something else.
func (e *Builder) texts(r *record.Record) (n int, ok bool) {
	if !clean(r.Msg) || !clean(r.Logger) {
		return 0, false
	}
	object := textOf(r.Attrs)
	if object == "" {
		object = "{}"
	}
	if !utf8.ValidString(object) {
		return 0, false
	}
	if !e.objects.add(object) {
		var line bytes.Buffer
		if json.Compact(&line, r.Attrs) != nil || !e.objects.add(line.String()) {
			return 0, false
		}
		object = line.String()
	}
	e.messages.add(r.Msg)
	e.logger = append(e.logger, e.loggers.code(r.Logger))
	return len(r.Msg) + len(r.Logger) + len(object) + 3, true
}

// clean reports whether a text can stand in a column as it is.
func clean(s string) bool {
	return printable(s) || strings.IndexByte(s, 0) < 0 && !strings.Contains(s, Unit) && utf8.ValidString(s)
}

func (e *Builder) traceOf(trace string) uint32 {
	n := len(e.raw)
	e.raw = append(e.raw, make([]byte, 16)...)
	readID(e.raw[n:], trace)
	code, fresh := e.traces.put(textOf(e.raw[n:]))
	if !fresh {
		e.raw = e.raw[:n]
	}
	return code
}

// readID reads hexadecimal digits; of an id that is none, as many as are.
func readID(into []byte, id string) {
	if len(id) == 2*len(into) {
		if _, ok := unhex(into[:0], id); ok {
			return
		}
		clear(into)
	}
	_, _ = hex.Decode(into, []byte(id)[:min(2*len(into), len(id))])
}

// moment keeps time and level.
func (e *Builder) moment(b *Block, r *record.Record, hour int64) {
	at := r.TS.UnixMicro() - hour
	level := min(max(r.Level, math.MinInt16), math.MaxInt16)
	code := slices.Index(b.Coded.Levels, int16(level))
	if code < 0 {
		code = len(b.Coded.Levels)
		b.Coded.Levels = append(b.Coded.Levels, int16(level))
	}
	e.times, e.level = append(e.times, at), append(e.level, uint32(code))
	b.Low, b.High = min(b.Low, level), max(b.High, level)
	e.slots.add(Slot(int(at/60e6), level))
}

// finish makes the columns of what was taken.
func (e *Builder) finish(b *Block, filtered bool) Filter {
	c, to := &b.Coded, &e.values.filter
	to.start(filtered)
	c.Base = slices.Min(e.times)
	last := slices.Max(e.times)
	b.From, b.To = b.Hour.Add(time.Duration(c.Base)*time.Microsecond), b.Hour.Add(time.Duration(last)*time.Microsecond)
	p := pack(uint64(last-c.Base), len(e.times))
	for _, at := range e.times {
		p.add(uint64(at - c.Base))
	}
	c.TS = p.codes()
	c.Level = packAll(e.level, len(c.Levels))
	c.Loggers, c.Logger = joined(e.loggers.texts, Unit), packAll(e.logger, len(e.loggers.texts))
	c.Words, c.Msg = e.messages.finish()
	c.Traces, c.Trace = e.raw, packAll(e.trace, len(e.traces.texts))
	c.Shapes, c.Shape = joined(e.objects.shapes, Unit), packAll(e.objects.of, len(e.objects.shapes))
	for _, s := range e.messages.words.texts {
		to.text(s)
	}
	for _, p := range e.objects.paths {
		to.text(p.name)
	}
	for i := 0; i+16 <= len(c.Traces); i += 16 {
		to.trace(c.Traces[i : i+16])
	}
	for i := range e.objects.fields {
		c.Fields = append(c.Fields, e.values.field(&e.objects.fields[i]))
	}
	b.Slots, b.Counts = e.slots.sorted()
	return to.finish()
}

// parts finds the runs. Records without a sequence are one run each source.
func (b *Block) parts(all []*record.Record) {
	for i, r := range all {
		if n := len(b.Parts); n > 0 {
			last := &b.Parts[n-1]
			if last.Source.of(r) && follows(last, r.Seq) {
				last.Records++
				continue
			}
		}
		b.Parts = append(b.Parts, Part{Source: SourceOf(r), First: int64(i), Records: 1, Seq: r.Seq})
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

func (s *Source) of(r *record.Record) bool {
	return s.Instance == r.Instance && s.Epoch == r.Epoch && s.Class == r.Class && s.Version == r.Version && s.Environment == r.Environment &&
		s.Cluster == r.Cluster && s.Namespace == r.Namespace && s.Node == r.Node
}
