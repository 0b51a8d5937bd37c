package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
)

// catalogue is the directory in memory: the heads of all blocks, as one snapshot of the database shows them. Each
// question brings it up to date with what transactions have stored that the last snapshot did not show. Snapshots are
// taken under the lock, so each shows all that the one before did. Safe for concurrent use.
type catalogue struct {
	lock  chan struct{} // full while somebody holds it
	state *directory
}

func newCatalogue() catalogue { return catalogue{lock: make(chan struct{}, 1)} }

// directory is never changed once it is there: a question keeps the one of its own snapshot.
type directory struct {
	snapshot *logs.Snapshot
	revision int64
	hours    map[int64][]*block.Head // by Unix time
	blocks   int
}

// refresh returns the directory as the transaction sees it, whose snapshot it takes. Errors: ctx's, while it waits for
// others who do so.
func (c *catalogue) refresh(ctx context.Context, tx pgx.Tx) (*directory, error) {
	select {
	case c.lock <- struct{}{}:
		defer func() { <-c.lock }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	old := c.state
	if old == nil {
		old = &directory{snapshot: &logs.Snapshot{}, revision: -1}
	}
	fresh, heads, err := look(ctx, tx, old.snapshot.Xmin)
	if err != nil {
		return nil, err
	}
	if fresh.revision != old.revision && old.snapshot.Xmin > 0 { // blocks have gone without being joined
		if fresh, heads, err = look(ctx, tx, 0); err != nil {
			return nil, err
		}
		old = &directory{}
	}
	fresh.hours, fresh.blocks = old.hours, old.blocks
	fresh.take(heads)
	c.state = fresh
	return fresh, nil
}

const headColumns = `id, tx, newest, tier, class, hour, service, from_ts, to_ts, low, high, records, bytes, replaces, slots, counts`

// look reads the snapshot and what has been stored by transactions from xmin on.
func look(ctx context.Context, tx pgx.Tx, xmin uint64) (d *directory, heads []*block.Head, err error) {
	d = &directory{}
	batch := &pgx.Batch{}
	batch.Queue(`SELECT pg_current_snapshot()::text, revision FROM log_state`)
	batch.Queue(`SELECT `+headColumns+` FROM log_directory WHERE tx >= $1`, int64(xmin))
	all := tx.SendBatch(ctx, batch)
	defer func() { err = errors.Join(err, all.Close()) }()
	var name string
	if err := all.QueryRow().Scan(&name, &d.revision); err != nil {
		return nil, nil, fmt.Errorf("take a snapshot: %w", err)
	}
	if d.snapshot, err = logs.ParseSnapshot(name); err != nil {
		return nil, nil, err
	}
	rows, err := all.Query()
	if err != nil {
		return nil, nil, fmt.Errorf("read the directory: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		h, err := headOf(rows.RawValues())
		if err != nil {
			return nil, nil, fmt.Errorf("read the directory: %w", err)
		}
		heads = append(heads, h)
	}
	return d, heads, rows.Err()
}

func headOf(v [][]byte) (*block.Head, error) {
	replaces, err1 := int64s(v[13])
	slots, err2 := int32s(v[14])
	counts, err3 := int32s(v[15])
	return &block.Head{ID: int64Of(v[0]), Tx: uint64(int64Of(v[1])), Newest: uint64(int64Of(v[2])), Tier: block.Tier(int16Of(v[3])), Class: block.Tier(int16Of(v[4])),
		Hour: timeOf(v[5]), Service: string(v[6]), From: timeOf(v[7]), To: timeOf(v[8]), Low: slog.Level(int16Of(v[9])), High: slog.Level(int16Of(v[10])),
		Records: int(int32Of(v[11])), Bytes: int64Of(v[12]), Replaces: replaces, Slots: slots, Counts: counts}, errors.Join(err1, err2, err3)
}

// take adds heads, but those that are there, and removes what they replace: it lies in the same hour.
func (d *directory) take(heads []*block.Head) {
	if len(heads) == 0 && d.hours != nil {
		return
	}
	byHour := map[int64][]*block.Head{}
	for _, h := range heads {
		byHour[h.Hour.Unix()] = append(byHour[h.Hour.Unix()], h)
	}
	hours := make(map[int64][]*block.Head, len(d.hours)+len(byHour))
	for hour, there := range d.hours {
		hours[hour] = there
	}
	for hour, fresh := range byHour {
		there := hours[hour]
		hours[hour] = merge(there, fresh)
		d.blocks += len(hours[hour]) - len(there)
	}
	d.hours = hours
}

func merge(there, fresh []*block.Head) []*block.Head {
	gone, known := map[int64]bool{}, map[int64]bool{}
	for _, h := range fresh {
		for _, id := range h.Replaces {
			gone[id] = true
		}
		h.Replaces = nil // it has done its work, and would be thousands of numbers of a quiet service's block
	}
	all := make([]*block.Head, 0, len(there)+len(fresh))
	for _, h := range slices.Concat(there, fresh) {
		if !gone[h.ID] && !known[h.ID] {
			known[h.ID], all = true, append(all, h)
		}
	}
	return all
}

// between calls fn with the heads of hours that meet [since, until).
func (d *directory) between(since, until time.Time, fn func(h *block.Head)) {
	for hour, heads := range d.hours {
		if hour < until.Unix()+1 && hour+3600 > since.Unix() {
			for _, h := range heads {
				fn(h)
			}
		}
	}
}
