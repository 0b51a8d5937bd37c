package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// Entry is one row to write. Rows of one Aggregate are published in commit order, and within a transaction as they
// were added; "" is unordered.
type Entry struct {
	Aggregate   string
	Publication bus.Publication
}

// maxStatement bounds the bytes of one INSERT: a message of the server's protocol, and what it holds in memory for it,
// must not grow with the number of entries.
const maxStatement = 8 << 20

// Add writes one publication: AddAll of one.
func (o *Outbox) Add(ctx context.Context, tx pg.Tx, aggregate string, p bus.Publication) error {
	return o.AddAll(ctx, tx, []Entry{{aggregate, p}})
}

// AddAll writes entries in tx, all in one round trip; the caller's trace context, and its debug token, go with them.
// The aggregates are locked until tx ends, those of one call in one order, so that calls do not block each other for
// ever. It wakes the relay by NOTIFY. If one event is too large or malformed, nothing is written.
func (o *Outbox) AddAll(ctx context.Context, tx pg.Tx, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	b := &pgx.Batch{}
	if err := o.queue(ctx, b, entries); err != nil {
		return fmt.Errorf("add to outbox: %w", err)
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("add to outbox: %w", err)
	}
	return nil
}

// Queue is Add as a part of a batch that the caller sends in its transaction.
func (o *Outbox) Queue(ctx context.Context, b *pgx.Batch, aggregate string, p bus.Publication) error {
	if err := o.queue(ctx, b, []Entry{{aggregate, p}}); err != nil {
		return fmt.Errorf("add to outbox: %w", err)
	}
	return nil
}

func (o *Outbox) queue(ctx context.Context, b *pgx.Batch, entries []Entry) error {
	if locks := o.locks(entries); len(locks) > 0 {
		b.Queue(`SELECT pg_advisory_xact_lock(lock)
			FROM (SELECT DISTINCT hashtextextended(name, 0) AS lock FROM unnest($1::text[]) AS name ORDER BY lock) AS sorted`, locks)
	}
	with := o.companions(ctx)
	var rows columns
	for _, e := range entries {
		if err := rows.add(with, e); err != nil {
			return err
		}
		if rows.bytes >= maxStatement {
			rows.queue(b)
		}
	}
	rows.queue(b)
	b.Queue(`SELECT pg_notify($1, '')`, o.channel)
	return nil
}

// locks names what serialises the commits of an aggregate, each once.
func (o *Outbox) locks(entries []Entry) (names []string) {
	known := map[string]bool{"": true}
	for _, e := range entries {
		if !known[e.Aggregate] {
			known[e.Aggregate] = true
			names = append(names, o.channel+" "+e.Aggregate)
		}
	}
	return names
}

// noHeaders as JSON, which most events have.
const noHeaders = "{}"

// companions is what goes with every event of one call.
type companions struct {
	source string
	debug  string
	trace  propagation.MapCarrier // empty: nobody traces
	plain  string                 // JSON of trace, for events without headers of their own
}

func (o *Outbox) companions(ctx context.Context) companions {
	c := companions{source: o.settings.Source, debug: debug.Token(ctx), trace: propagation.MapCarrier{}, plain: noHeaders}
	if trace.SpanContextFromContext(ctx).IsValid() {
		o.settings.Propagator.Inject(ctx, c.trace)
		if text, err := json.Marshal(c.trace); err == nil { // strings are always JSON
			c.plain = string(text)
		}
	}
	return c
}

// complete fixes what a relay must not choose anew with every try.
func (c companions) complete(e *bus.Event) {
	if e.ID == "" {
		e.ID = uuid.Must(uuid.NewV7()).String()
	}
	if e.Source == "" {
		e.Source = c.source
	}
	if e.Time.IsZero() {
		e.Time = time.Now().UTC()
	}
	if e.Debug == "" {
		e.Debug = c.debug
	}
}

// headers of an event as JSON; those of the trace are this call's.
func (c companions) headers(e bus.Event) (string, error) {
	if len(e.Headers) == 0 {
		return c.plain, nil
	}
	all := make(map[string]string, len(e.Headers)+len(c.trace))
	maps.Copy(all, e.Headers)
	maps.Copy(all, c.trace)
	text, err := json.Marshal(all)
	return string(text), err
}

// columns gather rows of one INSERT.
type columns struct {
	aggregates, exchanges, keys, headers []string
	events                               [][]byte
	expires                              []int64
	bytes                                int
}

func (c *columns) add(with companions, e Entry) error {
	p := e.Publication
	with.complete(&p.Event)
	event, err := bus.Encode(p.Event)
	if err != nil {
		return err
	}
	headers, err := with.headers(p.Event)
	if err != nil {
		return err
	}
	c.aggregates, c.exchanges, c.keys = append(c.aggregates, e.Aggregate), append(c.exchanges, p.Exchange), append(c.keys, p.Key)
	c.events, c.headers, c.expires = append(c.events, event), append(c.headers, headers), append(c.expires, p.Expires.Milliseconds())
	c.bytes += len(event) + len(headers)
	return nil
}

// queue adds the INSERT of what was gathered, if anything was, and begins anew. Ids follow the order of the arrays.
func (c *columns) queue(b *pgx.Batch) {
	if len(c.events) == 0 {
		return
	}
	b.Queue(`INSERT INTO outbox (aggregate, exchange, key, event, headers, expires_ms)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::bigint[])`,
		c.aggregates, c.exchanges, c.keys, c.events, c.headers, c.expires)
	*c = columns{}
}
