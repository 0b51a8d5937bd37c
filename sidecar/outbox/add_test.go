package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

func entries(aggregates, n int) (all []outbox.Entry) {
	for i := range n {
		aggregate := ""
		if aggregates > 0 {
			aggregate = strconv.Itoa(i % aggregates)
		}
		all = append(all, outbox.Entry{Aggregate: aggregate, Publication: event(fmt.Sprintf("%s/%04d", aggregate, i))})
	}
	return all
}

func addAll(ctx context.Context, db *pg.DB, o *outbox.Outbox, all []outbox.Entry) error {
	return db.InTx(ctx, func(tx pg.Tx) error { return o.AddAll(ctx, tx, all) })
}

func pending(t *testing.T, db *pg.DB) (n int) {
	t.Helper()
	if err := db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM outbox WHERE published_at IS NULL`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Rows have ids in the order of the entries, also over several statements, and so each aggregate keeps its order.
func TestAddAllKeepsTheOrder(t *testing.T) {
	db, b := database(t, 4), broker(t)
	o := outbox.New(outbox.Settings{DB: db, Bus: b})
	all := entries(3, 1000)
	large := fmt.Appendf(nil, `"%0900000d"`, 0)
	for i := range 12 { // more than a statement takes
		all[i*50].Publication.Event.Data = large
	}
	if err := addAll(t.Context(), db, o, all); err != nil {
		t.Fatal(err)
	}
	rows, err := db.Pool().Query(t.Context(), `SELECT aggregate || ' ' || (convert_from(event, 'UTF8')::json ->> 'id') || ' ' || (convert_from(event, 'UTF8')::json ->> 'source') FROM outbox ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(found) != len(all) {
		t.Fatalf("%d rows of %d: %v", len(found), len(all), err)
	}
	for i, e := range all {
		if want := e.Aggregate + " " + e.Publication.Event.ID + " /catalogs"; found[i] != want {
			t.Fatalf("row %d is %q, want %q", i, found[i], want)
		}
	}
}

// An entry's own headers stay, beside the trace; the caller's map is left alone.
func TestAddAllLeavesTheCallersEventsAlone(t *testing.T) {
	db := database(t, 4)
	o := outbox.New(outbox.Settings{DB: db, Bus: broker(t)})
	own := event("1")
	own.Event.Headers = map[string]string{"tenant": "a"}
	if err := addAll(t.Context(), db, o, []outbox.Entry{{Publication: own}, {Publication: event("2")}}); err != nil {
		t.Fatal(err)
	}
	var headers []string
	if err := db.Pool().QueryRow(t.Context(), `SELECT array_agg(headers ORDER BY id) FROM outbox`).Scan(&headers); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(headers) != `[{"tenant":"a"} {}]` || len(own.Event.Headers) != 1 {
		t.Errorf("headers %v, the caller's %v", headers, own.Event.Headers)
	}
}

func TestAddAllWritesAllOrNothing(t *testing.T) {
	db := database(t, 4)
	o := outbox.New(outbox.Settings{DB: db, Bus: broker(t)})
	all := entries(2, 10)
	all[9].Publication.Event.Type = ""
	if err := addAll(t.Context(), db, o, all); err == nil {
		t.Error("an event without a type was added")
	}
	all[9].Publication.Event.Type, all[9].Publication.Event.Data = "t", make([]byte, bus.MaxSize+1)
	if err := addAll(t.Context(), db, o, all); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("add a large event: %v", err)
	}
	if err := addAll(t.Context(), db, o, nil); err != nil {
		t.Error(err)
	}
	if n := pending(t, db); n != 0 {
		t.Errorf("%d rows were written", n)
	}
}

// Calls that name the same aggregates in opposite orders wait for each other, and not for ever; one that shares none
// does not wait.
func TestAddAllLocksInOneOrder(t *testing.T) {
	db := database(t, 8)
	o := outbox.New(outbox.Settings{DB: db, Bus: broker(t)})
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for range 50 {
				some := entries(40, 40)
				if w%2 == 1 {
					for i, j := 0, len(some)-1; i < j; i, j = i+1, j-1 {
						some[i], some[j] = some[j], some[i]
					}
				}
				if err := addAll(t.Context(), db, o, some); err != nil {
					t.Error(err) // SQLSTATE 40P01 is what the order prevents
				}
			}
		})
	}
	all.Wait()
	if n := pending(t, db); n != 4*50*40 {
		t.Errorf("%d rows", n)
	}
	first := make(chan struct{})
	second := make(chan error, 1)
	err := db.InTx(t.Context(), func(tx pg.Tx) error {
		if err := o.AddAll(t.Context(), tx, entries(2, 2)); err != nil {
			return err
		}
		go func() { defer close(first); second <- addAll(t.Context(), db, o, entries(1, 1)) }()
		wait.For(t, 10*time.Second, "the second call to wait for the aggregate", func() bool {
			var waiting int
			err := db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`).Scan(&waiting)
			return err == nil && waiting == 1
		})
		return addAll(t.Context(), db, o, []outbox.Entry{{Aggregate: "another", Publication: event("x")}, {Publication: event("y")}})
	})
	<-first
	if err := errors.Join(err, <-second); err != nil {
		t.Fatal(err)
	}
}

// Of a batch, only what was never handled is first, and of twins one.
func TestOnceAll(t *testing.T) {
	db := database(t, 2)
	d := func(source, id string) bus.Delivery { return bus.Delivery{Event: bus.Event{Source: source, ID: id}} }
	once := func(all ...bus.Delivery) (first []bool) {
		t.Helper()
		err := db.InTx(t.Context(), func(tx pg.Tx) (err error) {
			first, err = outbox.OnceAll(t.Context(), tx, "lab.effects", all)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return first
	}
	if first := once(d("/b", "1"), d("/a", "1"), d("/b", "1")); fmt.Sprint(first) != "[true true false]" {
		t.Error(first)
	}
	if first := once(d("/a", "2"), d("/b", "1"), d("/a", "1")); fmt.Sprint(first) != "[true false false]" {
		t.Error(first)
	}
	if first := once(); len(first) != 0 {
		t.Error(first)
	}
}
