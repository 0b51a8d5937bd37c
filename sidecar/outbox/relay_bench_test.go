package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/amqptest"
	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/postgres"
	"github.com/signalbox-mesh/signalbox/internal/servers/rabbitmq"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/amqp"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// rig is a PostgreSQL and a RabbitMQ of the benchmark's own, so that their CPU can be told.
type rig struct {
	postgres *postgres.Server
	rabbitmq *rabbitmq.Server
	db       *pg.DB
	bus      bus.Bus
	bare     *amqptest.Bare
}

const benchQueue = "lab.bench"

func newRig(b *testing.B) *rig {
	b.Helper()
	r := &rig{postgres: pgtest.Server(b), rabbitmq: amqptest.Server(b)}
	server := pgtest.On(b, r.postgres, schema)
	db, err := pg.Open(pg.Settings{URL: server.URL(schema), OwnerURL: server.OwnerURL(schema), Schema: schema, MaxConns: 4})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(db.Close)
	if err := db.Migrate(b.Context(), outbox.Migrations()); err != nil {
		b.Fatal(err)
	}
	c, err := amqp.Open(r.rabbitmq.URL(), bus.Client{Service: "catalogs", Instance: "catalogs-1"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close(context.Background()) })
	r.db, r.bus = db, c
	wait.For(b, time.Minute, "a connection", func() bool { return c.Ready() == nil })
	r.open(b)
	return r
}

// open makes a queue that nobody consumes, and the bare publisher's channel.
func (r *rig) open(b *testing.B) {
	b.Helper()
	stop, err := r.bus.Subscribe(b.Context(), bus.Subscription{Queue: benchQueue, Exchange: bus.Events, Keys: []string{"catalogs.#"},
		Handler: func(context.Context, bus.Delivery) error { return nil }})
	if err != nil {
		b.Fatal(err)
	}
	if err := stop(b.Context()); err != nil {
		b.Fatal(err)
	}
	r.bare = amqptest.NewBare(b, r.rabbitmq.URL())
}

// body is an event as the outbox has it.
func body(b *testing.B) []byte {
	b.Helper()
	text, err := bus.Encode(bus.Event{ID: "1", Source: "/catalogs", Type: "catalogs.record.created", Time: time.Now(), Data: event("1").Event.Data})
	if err != nil {
		b.Fatal(err)
	}
	return text
}

// cost is time and CPU by process.
type cost struct{ wall, own, postgres, rabbitmq time.Duration }

func (r *rig) measure(b *testing.B, do func()) cost {
	b.Helper()
	before := cost{0, ownCPU(b), pgtest.CPU(b, r.postgres), amqptest.CPU(b, r.rabbitmq)}
	began := time.Now()
	do()
	return cost{time.Since(began), ownCPU(b) - before.own, pgtest.CPU(b, r.postgres) - before.postgres, amqptest.CPU(b, r.rabbitmq) - before.rabbitmq}
}

func ownCPU(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRelay publishes 20 000 pending events. The limit is the bare loop in the same run, with as many in flight,
// which neither claims nor marks; CPU by process says what the rest costs.
func BenchmarkRelay(b *testing.B) {
	const events, inFlight = 20_000, 500
	r := newRig(b)
	var done atomic.Int64
	all := make(chan struct{}, 1)
	o := outbox.New(outbox.Settings{DB: r.db, Bus: r.bus, Published: func(_ context.Context, _ pg.Tx, told []outbox.Outcome) error {
		if done.Add(int64(len(told))) == events {
			all <- struct{}{}
		}
		return nil
	}})
	var ours, bare cost
	text := body(b)
	for b.Loop() {
		b.StopTimer()
		for n := 0; n < events; n += 1000 {
			if err := addAll(b.Context(), r.db, o, entries(0, 1000)); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		done.Store(0)
		ours.add(r.measure(b, func() {
			ctx, stop := context.WithCancel(b.Context())
			ran := make(chan error, 1)
			go func() { ran <- o.Run(ctx) }()
			<-all
			stop()
			if err := <-ran; !errors.Is(err, context.Canceled) {
				b.Fatal(err)
			}
		}))
		b.StopTimer()
		r.bare.Purge(b, benchQueue)
		bare.add(r.measure(b, func() { r.bare.Publish(b, bus.Events, "catalogs.record.created", text, events, inFlight) }))
		r.bare.Purge(b, benchQueue)
		b.StartTimer()
	}
	total := float64(b.N * events)
	ours.report(b, "relay", total)
	bare.report(b, "bare", total)
	b.ReportMetric(100*bare.wall.Seconds()/ours.wall.Seconds(), "%-of-bare")
}

func (c *cost) add(d cost) {
	c.wall, c.own, c.postgres, c.rabbitmq = c.wall+d.wall, c.own+d.own, c.postgres+d.postgres, c.rabbitmq+d.rabbitmq
}

func (c *cost) report(b *testing.B, name string, events float64) {
	b.ReportMetric(events/c.wall.Seconds(), name+"-events/s")
	for process, cpu := range map[string]time.Duration{"go": c.own, "postgres": c.postgres, "rabbitmq": c.rabbitmq} {
		b.ReportMetric(float64(cpu.Microseconds())/events, fmt.Sprintf("%s-%s-cpu-µs/event", name, process))
	}
}
