package outbox

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

const (
	window      = 2000 // oldest pending rows looked at
	maxBatch    = 500  // rows published in one transaction, and heads (aggregates, and unordered rows) claimed for it
	parallel    = 500  // publishes in flight
	publishTime = 8 * time.Second
	batchTime   = 25 * time.Second // under the role's idle_in_transaction_session_timeout
)

// row is one pending event.
type row struct {
	ID        int64
	Aggregate string
	Exchange  string
	Key       string
	Event     []byte
	Headers   string
	ExpiresMS int64
	CreatedAt time.Time

	publication bus.Publication
	outcome     string // "": still pending
	answered    time.Time
}

const (
	published  = "published"
	unroutable = "unroutable"
	refused    = "refused"
)

// Relay is one pass: it claims a batch, publishes it, and marks what the broker took, in one transaction. It
// says how many rows are done; with an error the others stay pending. The loop is Run.
func (o *Outbox) Relay(ctx context.Context) (done int, err error) { return o.pass(ctx, func() {}) }

// pass is Relay that calls more as soon as it has claimed all that it can: there may be more, and what it has is not
// published yet.
func (o *Outbox) pass(ctx context.Context, more func()) (done int, err error) {
	life, cancel := context.WithTimeout(context.WithoutCancel(ctx), batchTime)
	defer cancel() // what was published is marked, whatever ends ctx
	var failed error
	var rows []*row
	conn, err := o.settings.DB.Pool().Acquire(life)
	if err != nil {
		return 0, fmt.Errorf("relay outbox: %w", err)
	}
	defer conn.Release()
	o.turn.Lock()
	defer o.turn.Unlock()
	err = pgx.BeginFunc(life, conn, func(tx pgx.Tx) error {
		rows, err = o.claim(life, tx)
		if err != nil || len(rows) == 0 {
			return err
		}
		if len(rows) >= maxBatch {
			more()
		}
		failed = o.apart(func() error { return o.publish(ctx, rows) })
		failed = errors.Join(failed, o.tell(life, tx, rows))
		done, err = mark(life, tx, rows)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("relay outbox: %w", err)
	}
	o.count(rows)
	o.floor.count(done)
	if failed != nil {
		return done, fmt.Errorf("relay outbox: %w", failed)
	}
	return done, nil
}

// apart does without the turn what may take its time.
func (o *Outbox) apart(do func() error) error {
	o.turn.Unlock()
	defer o.turn.Lock() // also where do panics: the pass gives it back
	return do()
}

// claim locks the heads, then reads on in the aggregates that it owns thereby, as far as the window goes. The second statement has a
// newer snapshot, which holds all that the aggregate's last owner committed. Rows are found by their ids, in order: a plan that was made
// while the table was small would read all of it for ever, and a bitmap gathers all that is pending before the first row is read. There is
// no index besides that a plan could begin below the floor with. The heads are an array, made once: as a subquery they were
// gone through for each row.
func (o *Outbox) claim(ctx context.Context, tx pgx.Tx) ([]*row, error) {
	batch := &pgx.Batch{}
	batch.Queue(`SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
		set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)`)
	floor, see := o.floor.queue(batch)
	var c claimed
	batch.Queue(`
		WITH oldest AS (SELECT id, aggregate FROM outbox WHERE published_at IS NULL AND id >= $3 ORDER BY id LIMIT $1),
		heads AS (SELECT id FROM oldest WHERE aggregate = '' UNION ALL
			SELECT min(id) FROM oldest WHERE aggregate <> '' GROUP BY aggregate)
		SELECT id, aggregate, (SELECT max(id) FROM oldest) FROM outbox WHERE id = ANY(ARRAY(SELECT id FROM heads)) AND published_at IS NULL AND id >= $3
		ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED`, window, maxBatch, floor).Query(c.take)
	err := tx.SendBatch(ctx, batch).Close()
	if see(err); err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	if len(c.ids) == 0 {
		return nil, nil
	}
	return c.read(ctx, tx)
}

// claimed are the heads that a pass has locked.
type claimed struct {
	ids        []int64 // the first is the least
	aggregates []string
	last       int64 // id of the window
}

func (c *claimed) take(heads pgx.Rows) error {
	var id int64
	var aggregate string
	_, err := pgx.ForEachRow(heads, []any{&id, &aggregate, &c.last}, func() error {
		c.ids = append(c.ids, id)
		if aggregate != "" {
			c.aggregates = append(c.aggregates, aggregate)
		}
		return nil
	})
	return err
}

// read the rows with what is left of their time by the server's clock, a millisecond at least: what waited here for the
// broker is as old for whoever gets it.
func (c *claimed) read(ctx context.Context, tx pgx.Tx) ([]*row, error) {
	found, err := tx.Query(ctx, `SELECT id, aggregate, exchange, key, event, headers,
			CASE WHEN expires_ms > 0 THEN greatest(1, expires_ms - (1000 * extract(epoch FROM clock_timestamp() - created_at))::bigint) ELSE 0 END,
			created_at FROM outbox
		WHERE published_at IS NULL AND id BETWEEN $4 AND $5 AND (id = ANY($1) OR aggregate = ANY($2)) ORDER BY id LIMIT $3 FOR UPDATE`,
		c.ids, c.aggregates, maxBatch, c.ids[0], c.last)
	if err != nil {
		return nil, fmt.Errorf("read batch: %w", err)
	}
	return pgx.CollectRows(found, func(r pgx.CollectableRow) (*row, error) {
		var w row
		err := r.Scan(&w.ID, &w.Aggregate, &w.Exchange, &w.Key, &w.Event, &w.Headers, &w.ExpiresMS, &w.CreatedAt)
		return &w, err
	})
}

// publish sends aggregates side by side and each one's rows in order, up to its first failure.
func (o *Outbox) publish(ctx context.Context, rows []*row) error {
	var all errgroup.Group
	all.SetLimit(parallel)
	until := time.Now().Add(publishTime)
	singles, lines := o.apartFrom(lines(rows))
	all.Go(func() error { return o.sendAll(context.WithoutCancel(ctx), singles) })
	for _, line := range lines {
		all.Go(func() error {
			for _, w := range line {
				if ctx.Err() != nil || time.Now().After(until) {
					return ctx.Err()
				}
				if err := o.send(context.WithoutCancel(ctx), w); err != nil {
					o.metrics.failures.Inc()
					return err
				}
			}
			return nil
		})
	}
	return all.Wait()
}

// lines are the rows that must follow each other.
func lines(rows []*row) [][]*row {
	var all [][]*row
	at := map[string]int{}
	for _, w := range rows {
		i, known := at[w.Aggregate]
		if w.Aggregate == "" || !known {
			at[w.Aggregate] = len(all)
			all = append(all, []*row{w})
			continue
		}
		all[i] = append(all[i], w)
	}
	return all
}

// apartFrom the lines are the rows that nothing follows, where the bus takes many at once.
func (o *Outbox) apartFrom(all [][]*row) (singles []*row, lines [][]*row) {
	if _, able := o.settings.Bus.(bus.Batcher); !able {
		return nil, all
	}
	for _, line := range all {
		if len(line) == 1 {
			singles = append(singles, line[0])
		} else {
			lines = append(lines, line)
		}
	}
	return singles, lines
}

// sendAll is send of each, at once; the first error of several.
func (o *Outbox) sendAll(ctx context.Context, singles []*row) (first error) {
	var readable []*row
	var all []bus.Publication
	for _, w := range singles {
		if w.opened() {
			readable, all = append(readable, w), append(all, w.publication)
		}
	}
	if len(all) == 0 {
		return nil
	}
	o.settings.Bus.(bus.Batcher).PublishAll(ctx, all, func(i int, err error) {
		if err := readable[i].answer(err); err != nil {
			o.metrics.failures.Inc()
			first = cmp.Or(first, err)
		}
	})
	return first
}

func (o *Outbox) send(ctx context.Context, w *row) error {
	if !w.opened() {
		return nil
	}
	return w.answer(o.settings.Bus.Publish(ctx, w.publication))
}

// opened says whether it is an event.
func (w *row) opened() bool {
	if err := w.open(); err != nil {
		w.outcome = refused
		return false
	}
	return true
}

// answer of the bus; an error is not the last word.
func (w *row) answer(err error) error {
	w.answered = time.Now()
	switch {
	case err == nil:
		w.outcome = published
	case errors.Is(err, bus.ErrUnroutable):
		w.outcome = unroutable
	case errors.Is(err, bus.ErrTooLarge):
		w.outcome = refused
	default:
		return err
	}
	return nil
}

func (w *row) open() error {
	e, err := bus.Decode(w.Event)
	if err != nil {
		return err
	}
	if w.Headers != noHeaders {
		if err := json.Unmarshal([]byte(w.Headers), &e.Headers); err != nil {
			return err
		}
	}
	w.publication = bus.Publication{Exchange: w.Exchange, Key: w.Key, Event: e, Expires: time.Duration(w.ExpiresMS) * time.Millisecond, Encoded: w.Event}
	return nil
}

// mark records the outcomes; a row without one stays pending.
func mark(ctx context.Context, tx pg.Tx, rows []*row) (int, error) {
	var ids []int64
	var outcomes []string
	for _, w := range rows {
		if w.outcome != "" {
			ids, outcomes = append(ids, w.ID), append(outcomes, w.outcome)
		}
	}
	_, err := tx.Exec(ctx, `UPDATE outbox o SET published_at = clock_timestamp(), outcome = r.outcome
		FROM unnest($1::bigint[], $2::text[]) AS r (id, outcome) WHERE o.id = r.id`, ids, outcomes)
	if err != nil {
		return 0, fmt.Errorf("mark: %w", err)
	}
	return len(ids), nil
}
