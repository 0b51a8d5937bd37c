package postgres_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// one fires one schedule once by hand and returns the fire's id.
func (f fixture) one(t *testing.T) string {
	t.Helper()
	f.declare(t, every("a", 3600))
	id, err := f.Run(t.Context(), "billing.a", "ann")
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (f fixture) tx(t *testing.T, do func(tx pg.Tx) error) {
	t.Helper()
	if err := f.db.InTx(t.Context(), do); err != nil {
		t.Fatal(err)
	}
}

// settle takes a receipt: of a failure when it has an error.
func (f fixture) settle(t *testing.T, service string, r timed.Receipt) plan.Outcome {
	t.Helper()
	kind := timed.Completed
	if r.Error != "" {
		kind = timed.Failed
	}
	return f.receipts(t, postgres.Settled{Service: service, Kind: kind, Receipt: r}).Outcomes[0]
}

func (f fixture) receipts(t *testing.T, all ...postgres.Settled) (result postgres.Settlement) {
	t.Helper()
	f.tx(t, func(tx pg.Tx) (err error) {
		result, err = f.Settle(t.Context(), tx, all)
		return err
	})
	return result
}

// published tells of the last publication of a fire.
func (f fixture) published(t *testing.T, id string, unroutable bool) {
	t.Helper()
	var p bus.Publication
	for _, one := range f.out.of(bus.Schedule, "") {
		if one.Event.Subject == id {
			p = one
		}
	}
	f.tx(t, func(tx pg.Tx) error {
		return f.Published(t.Context(), tx, []outbox.Outcome{{Publication: p, Unroutable: unroutable}})
	})
}

// A fire is published when the broker has answered for it, not when somebody has come to write that down.
func TestPublishedWhenTheBrokerAnswered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.one(t)
	p := f.out.of(bus.Schedule, "")[0]
	before := time.Now()
	f.tx(t, func(tx pg.Tx) error {
		return f.Published(t.Context(), tx, []outbox.Outcome{{Publication: p, At: time.Now().Add(-2 * time.Second)}})
	})
	if at := f.state(t, id).PublishedAt; at == nil || at.Before(before.Add(-2*time.Second-time.Millisecond)) || at.After(time.Now().Add(-2*time.Second+time.Millisecond)) {
		t.Errorf("published at %v, it is %v", at, time.Now())
	}
}

func (f fixture) state(t *testing.T, id string) api.Fire {
	t.Helper()
	for _, fire := range f.fires(t, "") {
		if fire.ID == id {
			return fire
		}
	}
	t.Fatalf("fire %s is not in the ledger", id)
	return api.Fire{}
}

func TestReceiptsInAnyOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	completed := timed.Receipt{Attempt: 2, Instance: "billing-1", StartedAt: time.Now(), DurationMS: 12, TraceID: "4bf9"}
	failed := timed.Receipt{Attempt: 5, Instance: "billing-2", Error: "no money"}
	published := func(id string) { f.published(t, id, false) }
	receipt := func(r timed.Receipt) func(string) {
		return func(id string) { r.FireID = id; f.settle(t, "billing", r) }
	}
	for _, c := range []struct {
		name   string
		steps  []func(id string)
		state  api.State
		reason api.Reason
	}{
		{"in order", []func(string){published, receipt(completed)}, api.Done, ""},
		{"receipt before the confirm", []func(string){receipt(completed), published}, api.Done, ""},
		{"twice", []func(string){published, receipt(completed), receipt(completed)}, api.Done, ""},
		{"failed", []func(string){published, receipt(failed)}, api.Failed, api.ReasonHandlerFailed},
		{"failed with a text no store takes", []func(string){published, receipt(timed.Receipt{Error: "a\x00b", TraceID: "\x00", Final: true})}, api.Failed, api.ReasonHandlerFailed},
		{"failed by deadline", []func(string){published, receipt(timed.Receipt{Error: timed.ErrorDeadline, Final: true})}, api.Failed, api.ReasonDeadline},
		{"replayed with success", []func(string){published, receipt(failed), receipt(completed)}, api.Done, ""},
		{"failed, not for good", []func(string){published, receipt(timed.Receipt{Attempt: 1, Error: "later"})}, api.Planned, ""},
		{"failed before the confirm", []func(string){receipt(timed.Receipt{Attempt: 1, Error: "later"}), published}, api.Planned, ""},
		{"cancelled", []func(string){published, receipt(timed.Receipt{Attempt: 1, Error: timed.ErrorCancelled})}, api.Failed, api.ReasonCancelled},
		{"failure after success", []func(string){published, receipt(completed), receipt(failed)}, api.Done, ""},
	} {
		id := f.one(t)
		for _, step := range c.steps {
			step(id)
		}
		if got := f.state(t, id); got.State != c.state || got.Reason != c.reason {
			t.Errorf("%s: %s %s, want %s %s", c.name, got.State, got.Reason, c.state, c.reason)
		}
	}
}

func TestReceiptOfAnotherServiceIsIgnored(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.one(t)
	if f.settle(t, "catalogs", timed.Receipt{FireID: id}) != plan.Ignored || f.settle(t, "billing", timed.Receipt{FireID: "billing.a@never"}) != plan.Ignored {
		t.Error("the receipt changed something")
	}
	if got := f.state(t, id); got.State != api.Planned {
		t.Errorf("state %s", got.State)
	}
}

func TestNobodyListening(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.one(t)
	term := f.lead(t, "s")
	for try := 1; try <= 2; try++ {
		f.published(t, id, true)
		if p := pass(t, term, time.Now()); p.Retried != 0 || p.NextTry.IsZero() {
			t.Fatalf("try %d follows at once: %+v", try, p)
		}
		if p := pass(t, term, time.Now().Add(40*time.Second)); p.Retried != 1 {
			t.Fatalf("try %d does not follow: %+v", try, p)
		}
	}
	f.published(t, id, true)
	if p := pass(t, term, time.Now().Add(time.Second)); p.Failed[api.ReasonNobodyListening] != 1 {
		t.Errorf("the third try is not the last: %+v", p)
	}
	if got := f.state(t, id); got.State != api.Failed || got.Reason != api.ReasonNobodyListening || got.EndedAt == nil {
		t.Errorf("%+v", got)
	}
	fires := slices.DeleteFunc(f.out.of(bus.Schedule, ""), func(p bus.Publication) bool {
		return !strings.HasPrefix(p.Event.ID, id) // looking ahead, a pass may plan the next due time too
	})
	if len(fires) != 3 || fires[0].Event.ID != id || fires[2].Event.ID != id+"/1.2" {
		t.Errorf("published %d times: %+v", len(fires), fires)
	}
	if len(f.out.of(bus.Events, api.EventFiresEnded)) != 1 {
		t.Error("the end is not announced once")
	}
}

func TestNoReceiptWithinTheWindow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.one(t)
	f.published(t, id, false)
	f.exec(t, `UPDATE fires SET expires_at = now() - interval '1 s'`)
	if n, more, err := f.lead(t, "s").Expire(t.Context()); n[api.ReasonNoReceipt] != 1 || more || err != nil {
		t.Fatalf("expired %v, %v", n, err)
	}
	if got := f.state(t, id); got.State != api.Failed || got.Reason != api.ReasonNoReceipt {
		t.Errorf("%+v", got)
	}
	f.settle(t, "billing", timed.Receipt{FireID: id})
	if got := f.state(t, id); got.State != api.Done || got.Reason != "" {
		t.Errorf("after a late receipt: %+v", got)
	}
}

func TestRetention(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	old, open := f.one(t), f.one(t)
	f.settle(t, "billing", timed.Receipt{FireID: old})
	f.exec(t, `UPDATE fires SET planned_at = now() - interval '40 days'`)
	fresh := f.one(t)
	f.tx(t, func(tx pg.Tx) error {
		n, err := f.Forget(t.Context(), tx, time.Now().Add(-30*24*time.Hour))
		if n != 1 {
			t.Errorf("%d rows deleted, want 1", n)
		}
		return err
	})
	f.state(t, open)
	f.state(t, fresh)
}

// endless is a transaction in which every deletion takes a second and finds another full batch.
type endless struct{ pg.Tx }

func (endless) Exec(ctx context.Context, _ string, _ ...any) (pgconn.CommandTag, error) {
	select {
	case <-time.After(time.Second):
		return pgconn.NewCommandTag("DELETE 10000"), nil
	case <-ctx.Done():
		return pgconn.CommandTag{}, ctx.Err()
	}
}

// However much is past the retention, what a fire of it has deleted is kept, and it uses the time it has.
func TestRetentionEndsBeforeItsDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		n, err := (&postgres.Store{}).Forget(ctx, endless{}, time.Now())
		if err != nil || ctx.Err() != nil || n < 1_000_000 {
			t.Errorf("%d rows deleted: %v, %v", n, err, ctx.Err())
		}
	})
}
