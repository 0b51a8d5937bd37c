package block

import (
	"encoding/hex"
	"log/slog"
	"sort"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// index is what a block finds out about its coded columns when it is asked: each list is taken apart once.
type index struct {
	starts  []int // of parts
	loggers []string
	words   []string
	msg     []uint32 // codes
	begins  []int32  // of each message's codes; one more than records
	msgs    []string
	attrs   []string
	objects *decoded
}

// mostText is how much a column may decode to: the columns of a block that nobody forged have far less.
const mostText = 1 << 30

// Split takes a list apart.
func Split(joined, separator string) []string {
	all := make([]string, 0, strings.Count(joined, separator)+1)
	for {
		i := strings.Index(joined, separator)
		if i < 0 {
			return append(all, joined)
		}
		all, joined = append(all, joined[:i]), joined[i+len(separator):]
	}
}

// list is taken apart unless it was before.
func list(kept *[]string, joined, separator string) []string {
	if *kept == nil {
		*kept = Split(joined, separator)
	}
	return *kept
}

// entry is one of a list; "" beyond its end.
func entry(all []string, i uint64) string {
	if i < uint64(len(all)) {
		return all[i]
	}
	return ""
}

// Logger of record i. Like all that reads columns it is not safe for concurrent use.
func (b *Block) Logger(i int) string {
	if b.Has&Logger == 0 {
		return ""
	}
	return entry(list(&b.index.loggers, b.Coded.Loggers, Unit), b.Coded.Logger.At(i))
}

// Loggers of the records; nil when they were not read.
func (b *Block) Loggers() (all []string) {
	if b.Has&Logger != 0 {
		all = make([]string, b.Records)
		for i := range all {
			all[i] = b.Logger(i)
		}
	}
	return all
}

// Msg is the message of record i.
func (b *Block) Msg(i int) string {
	if b.Has&Msg == 0 || uint(i) >= uint(b.Records) {
		return ""
	}
	if b.index.msgs != nil {
		return b.index.msgs[i]
	}
	return textOf(b.appendMsg(nil, i))
}

// appendMsg decodes the message of record i.
func (b *Block) appendMsg(to []byte, i int) []byte {
	for _, code := range b.msgCodes(i) {
		to = append(to, b.word(code)...)
	}
	return to
}

// word is the piece of a code, which is not 0.
func (b *Block) word(code uint32) string { return entry(b.index.words, uint64(code)-1) }

// msgCodes are the codes of record i's message, without the 0.
func (b *Block) msgCodes(i int) []uint32 {
	b.messages()
	return b.index.msg[b.index.begins[i] : b.index.begins[i+1]-1]
}

// messages takes the column apart. A message that is missing is empty.
func (b *Block) messages() {
	x := &b.index
	if x.begins != nil {
		return
	}
	list(&x.words, b.Coded.Words, Unit)
	x.msg = b.Coded.Msg.unpack(make([]uint32, 0, b.Coded.Msg.Len+b.Records), b.Records)
	x.begins = make([]int32, 1, b.Records+1)
	for at, code := range x.msg {
		if code == 0 {
			if x.begins = append(x.begins, int32(at+1)); len(x.begins) > b.Records {
				return
			}
		}
	}
	for len(x.begins) <= b.Records { // ends that somebody left out
		x.msg = append(x.msg[:x.begins[len(x.begins)-1]], 0)
		x.begins = append(x.begins, int32(len(x.msg)))
	}
}

// Msgs are the messages; nil when they were not read.
func (b *Block) Msgs() []string {
	x := &b.index
	if x.msgs != nil || b.Has&Msg == 0 {
		return x.msgs
	}
	b.messages()
	total := 0
	for _, code := range x.msg {
		if code != 0 {
			total += len(b.word(code))
		}
	}
	x.msgs = make([]string, b.Records)
	if total > mostText {
		return x.msgs
	}
	text := make([]byte, 0, total)
	for i := range x.msgs {
		if codes := b.msgCodes(i); len(codes) == 1 {
			x.msgs[i] = b.word(codes[0])
			continue
		}
		from := len(text)
		text = b.appendMsg(text, i)
		x.msgs[i] = textOf(text[from:])
	}
	return x.msgs
}

// Time of record i.
func (b *Block) Time(i int) time.Time { return b.Hour.Add(b.offset(i)) }

// offset of record i from the hour.
func (b *Block) offset(i int) time.Duration {
	return time.Duration(b.Offset(i)) * time.Microsecond
}

// Offset of record i from the hour, in microseconds.
func (b *Block) Offset(i int) int64 { return b.Coded.Base + int64(b.Coded.TS.At(i)) }

// Level of record i.
func (b *Block) Level(i int) slog.Level {
	if code := b.Coded.Level.At(i); code < uint64(len(b.Coded.Levels)) {
		return slog.Level(b.Coded.Levels[code])
	}
	return 0
}

// trace of record i, as 16 bytes; nil beyond the end.
func (b *Block) trace(i int) []byte { return ofSize(b.Coded.Traces, b.Coded.Trace.At(i), 16) }

// span of record i, as 8 bytes; nil when there is none at all.
func (b *Block) span(i int) []byte { return ofSize(b.Coded.Span, uint64(i), 8) }

// ofSize is the i-th of what is size bytes long; nil beyond the end.
func ofSize(all []byte, i uint64, size int) []byte {
	if i >= uint64(len(all)/size) {
		return nil
	}
	at := int(i) * size
	return all[at : at+size]
}

// TraceID of record i; "" for none.
func (b *Block) TraceID(i int) string { return id(b.trace(i)) }

// SpanID of record i; "" for none.
func (b *Block) SpanID(i int) string { return id(b.span(i)) }

// PartOf is the part that record i lies in, and its place there.
func (b *Block) PartOf(i int) (p *Part, place int) {
	if b.index.starts == nil {
		at := 0
		for _, p := range b.Parts {
			b.index.starts = append(b.index.starts, at)
			at += p.Records
		}
	}
	n := sort.SearchInts(b.index.starts, i+1) - 1
	return &b.Parts[n], i - b.index.starts[n]
}

// RecordID of record i: it stays when blocks are joined.
func (b *Block) RecordID(i int) int64 {
	p, place := b.PartOf(i)
	return p.First + int64(place)
}

// Record is the record i. What stands in columns that were not read is empty.
func (b *Block) Record(i int) record.Record {
	p, place := b.PartOf(i)
	r := record.Record{TS: b.Time(i), Level: b.Level(i), Logger: b.Logger(i), Msg: b.Msg(i), TraceID: b.TraceID(i), SpanID: b.SpanID(i), Service: b.Service, Instance: p.Source.Instance, Epoch: p.Source.Epoch,
		Class: p.Source.Class, Version: p.Source.Version, Environment: p.Source.Environment, Cluster: p.Source.Cluster,
		Namespace: p.Source.Namespace, Node: p.Source.Node}
	if p.Seq > 0 {
		r.Seq = p.Seq + uint64(place)
	}
	if b.Has&Attrs != 0 {
		r.Attrs = b.appendAttrs(nil, i)
	}
	return r
}

// id in hexadecimal; "" for zeroes.
func id(raw []byte) string {
	for _, c := range raw {
		if c != 0 {
			return hex.EncodeToString(raw)
		}
	}
	return ""
}
