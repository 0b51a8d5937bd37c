package block

import (
	"encoding/hex"
	"log/slog"
	"sort"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// index is what a block finds out about itself when records are asked for: where parts begin, and the texts taken apart.
type index struct {
	starts               []int
	loggers, msgs, attrs []string
}

// Split takes a column's texts apart; n is how many there are.
func Split(joined, separator string, n int) []string {
	all := make([]string, 0, n)
	for range n - 1 {
		i := strings.Index(joined, separator)
		if i < 0 {
			break
		}
		all, joined = append(all, joined[:i]), joined[i+len(separator):]
	}
	return append(all, joined)
}

// Loggers of the records, taken apart once, as Msgs and AttrTexts are; nil when they were not read. Like Record, RecordID
// and the rest it is not safe for concurrent use.
func (b *Block) Loggers() []string { return b.taken(&b.index.loggers, Logger, b.Logger, Unit) }

// Msgs are the messages.
func (b *Block) Msgs() []string { return b.taken(&b.index.msgs, Msg, b.Msg, Unit) }

// AttrTexts are the attributes, a JSON object each.
func (b *Block) AttrTexts() []string { return b.taken(&b.index.attrs, Attrs, b.Attrs, Line) }

func (b *Block) taken(texts *[]string, c Column, joined, separator string) []string {
	if *texts == nil && b.Has&c != 0 {
		*texts = Split(joined, separator, b.Records)
	}
	return *texts
}

// Time of record i.
func (b *Block) Time(i int) time.Time {
	return b.Hour.Add(time.Duration(int64(b.TS[i])+1<<31) * time.Microsecond)
}

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
	r := record.Record{TS: b.Time(i), Level: slog.Level(b.Levels[i]), Service: b.Service, Instance: p.Source.Instance, Epoch: p.Source.Epoch,
		Class: p.Source.Class, Version: p.Source.Version, Environment: p.Source.Environment, Cluster: p.Source.Cluster,
		Namespace: p.Source.Namespace, Node: p.Source.Node}
	if p.Seq > 0 {
		r.Seq = p.Seq + uint64(place)
	}
	if b.Has&Logger != 0 {
		r.Logger = b.Loggers()[i]
	}
	if b.Has&Msg != 0 {
		r.Msg = b.Msgs()[i]
	}
	if b.Has&Attrs != 0 {
		r.Attrs = []byte(b.AttrTexts()[i])
	}
	if b.Has&Trace != 0 {
		r.TraceID = id(b.Trace[16*i : 16*i+16])
	}
	if b.Has&Span != 0 {
		r.SpanID = id(b.Span[8*i : 8*i+8])
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

// AddBlock adds what the block's columns hold, which must have been read.
func (f *Filter) AddBlock(b *Block) {
	for _, text := range b.Msgs() {
		f.AddText(text)
	}
	for _, text := range b.AttrTexts() {
		f.AddText(text)
		pairs([]byte(text), f.addPair)
	}
	for i := 0; i+16 <= len(b.Trace); i += 16 {
		f.AddTrace(b.Trace[i : i+16])
	}
}
