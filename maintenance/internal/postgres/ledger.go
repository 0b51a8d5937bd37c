package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/ingest"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/ledger"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// stream is what a batch brings for one ledger: records, and what its sender says of it.
type stream struct {
	record.Stream
	records []*record.Record
	drops   []drop
	ended   bool
	issued  uint64
	state   ledger.State
	id      int64
	version int64 // of its ledger, as it was read
}

// place is what a transaction is given for its blocks.
type place struct {
	tx  uint64
	ids []int64
}

// sift locks the batch's streams, in one order for all, and returns what is to be stored, with ids for as
// many blocks as are wanted. It takes two round trips, whatever the number of streams.
func sift(ctx context.Context, tx pg.Tx, all []record.Record, blocks int, res *ingest.Result) ([]*record.Record, place, error) {
	fresh, streams := split(all, res)
	at, err := lock(ctx, tx, streams, blocks)
	if err != nil {
		return nil, at, err
	}
	for _, s := range streams {
		fresh = append(fresh, s.sift(res)...)
	}
	res.Stored = len(fresh)
	return fresh, at, save(ctx, tx, streams)
}

// split takes the records outside the ledger, and the streams of the others in the order in which all lock them.
func split(all []record.Record, res *ingest.Result) (foreign []*record.Record, streams []*stream) {
	known, last := map[record.Stream]*stream{}, &stream{}
	of := func(key record.Stream) *stream {
		if key == last.Stream { // as most are
			return last
		}
		if last = known[key]; last == nil {
			last = &stream{Stream: key}
			known[key], streams = last, append(streams, last)
		}
		return last
	}
	for i := range all {
		r := &all[i]
		switch key, ok := r.Stream(); {
		case ok:
			s := of(key)
			s.records = append(s.records, r)
		case r.Expired:
			res.Expired++
		default:
			foreign = append(foreign, r)
		}
		report(r, of)
	}
	slices.SortFunc(streams, func(a, b *stream) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Class, b.Class))
	})
	for _, s := range streams {
		if !slices.IsSortedFunc(s.records, bySeq) {
			slices.SortStableFunc(s.records, bySeq)
		}
	}
	return foreign, streams
}

func bySeq(a, b *record.Record) int { return cmp.Compare(a.Seq, b.Seq) }

// sift decides about the stream's records.
func (s *stream) sift(res *ingest.Result) (fresh []*record.Record) {
	if len(s.records) > 0 && s.records[0].Expired && s.state.StoredTo == 0 {
		s.state.Begin(s.records[0].Seq)
	}
	for _, d := range s.drops {
		s.state.Drop(d.From, d.To, d.at, d.Reason)
	}
	for _, r := range s.records {
		switch {
		case r.Expired:
			s.state.Refuse(r.Seq, r.TS, ledger.Expired)
			res.Expired++
		case s.state.Take(r.Seq, r.TS):
			fresh = append(fresh, r)
		default:
			res.Duplicates++
		}
	}
	res.Gaps += len(s.state.Opened())
	return fresh
}

// span of the numbers that the batch touches.
func (s *stream) span() (from, to uint64) {
	from = 1 << 62
	for _, r := range s.records {
		from, to = min(from, r.Seq), max(to, r.Seq)
	}
	for _, d := range s.drops {
		from, to = min(from, d.From), max(to, d.To)
	}
	return from, to
}

// keys of the streams, a column each.
func keys(streams []*stream) (service, instance, epoch, class []string) {
	for _, s := range streams {
		service, instance = append(service, s.Service), append(instance, s.Instance)
		epoch, class = append(epoch, s.Epoch), append(class, s.Class)
	}
	return service, instance, epoch, class
}
