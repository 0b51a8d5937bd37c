package scheduler_test

import (
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/amqptest"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// confirm is how long one message waited for the broker.
type confirm struct {
	at   time.Time
	took time.Duration
}

// alone publishes one message after the other, some twenty a second, on a connection of its own until then: what the broker keeps
// that one waiting for, it keeps everybody waiting for.
func (r *rig) alone(b *testing.B, until time.Time) (all []confirm) {
	b.Helper()
	bare := amqptest.NewBare(b, r.rabbitmq.URL())
	bare.Queue(b, "alone", bus.Events, "alone.#")
	for time.Now().Before(until) {
		began := time.Now()
		bare.Publish(b, bus.Events, "alone.sent", make([]byte, 400), 1, 1)
		all = append(all, confirm{began, time.Since(began)})
		<-time.After(min(50*time.Millisecond, time.Until(until)))
	}
	return all
}

// slowest of those that were on their way between from and to.
func slowest(all []confirm, from, to time.Time) (most time.Duration) {
	for _, c := range all {
		if c.at.Before(to) && c.at.Add(c.took).After(from) {
			most = max(most, c.took)
		}
	}
	return most
}

// explain says of the worst seconds where the time went, and how long the broker took meanwhile for a message that had
// nothing to do with it.
func (r *rig) explain(b *testing.B, from, to time.Time, alone []confirm) {
	b.Helper()
	rows, err := r.db.Pool().Query(b.Context(), `WITH worst AS (
			SELECT due, max(published_at) AS last FROM fires WHERE service = 'billing' AND due >= $1 AND due < $2
			GROUP BY due ORDER BY max(published_at) - due DESC LIMIT 3),
		written AS (SELECT due, min(o.created_at) AS first, max(o.created_at) AS last FROM worst JOIN outbox o
			ON o.exchange = $3 AND o.created_at BETWEEN due - interval '1 s' AND worst.last AND (convert_from(o.event, 'UTF8')::json -> 'data' ->> 'due')::timestamptz = due
			GROUP BY due)
		SELECT due, extract(epoch FROM w.first - due)::float8, extract(epoch FROM w.last - due)::float8, extract(epoch FROM min(f.published_at) - due)::float8,
			extract(epoch FROM max(f.published_at) - due)::float8, coalesce(extract(epoch FROM max(f.ended_at) - due), -1)::float8
		FROM written w JOIN fires f USING (due) WHERE f.service = 'billing' GROUP BY due, w.first, w.last ORDER BY 5 DESC`, from, to, bus.Schedule)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var due time.Time
		var firstWritten, written, firstPublished, published, done float64
		if err := rows.Scan(&due, &firstWritten, &written, &firstPublished, &published, &done); err != nil {
			b.Fatal(err)
		}
		b.Logf("due %s: in the outbox after %.0f to %.0f ms, published after %.0f to %.0f, all done after %.0f; the slowest message alone meanwhile took %.0f ms", due.UTC().Format(time.TimeOnly),
			1000*firstWritten, 1000*written, 1000*firstPublished, 1000*published, 1000*done, ms(slowest(alone, due, due.Add(seconds(published)))))
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(ms(slowest(alone, from, to)), "alone-max-ms")
	for _, line := range r.scheduler.log.Lines("\"level\":\"WARN\"") {
		b.Log(line)
	}
}
