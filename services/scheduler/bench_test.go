package scheduler_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/amqptest"
	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// BenchmarkSecondly has 1000 schedules of one second on one leader, all due at the same instant of each second: how late
// they are published, and what it costs.
func BenchmarkSecondly(b *testing.B) {
	const schedules = 1000
	r := newLoadRig(b)
	bare := amqptest.NewBare(b, r.rabbitmq.URL())
	for b.Loop() {
		n := seed.Runs(20, 600)
		r.secondly(b, schedules, time.Duration(n)*time.Second)
		handled := percentile(r.consumer.handled(), 0.99)
		limit := percentile(bare.Bursts(b, bus.Events, "bare.fired", make([]byte, 400), schedules, min(n, 100)), 0.99) // bursts as seconds: a tail of as many
		b.ReportMetric(ms(limit), "bare-p99-ms")
		b.ReportMetric(handled.Seconds()/limit.Seconds(), "x-bare-p99")
	}
}

// BenchmarkBreakpoint raises the number of schedules of one second until the leader falls behind: what is due is not
// all published a second later.
func BenchmarkBreakpoint(b *testing.B) {
	r := newLoadRig(b)
	for b.Loop() {
		sustained := 0
		for n := 1000; n <= 16_000; n += 1000 {
			if l := r.secondly(b, n, 8*time.Second); l.p99 > time.Second {
				break
			}
			sustained = n
		}
		b.ReportMetric(float64(sustained), "sustained-fires/s")
	}
}

// secondly lets n schedules of one second run so long, and tells how late they were.
func (r *rig) secondly(b *testing.B, n int, lasts time.Duration) lateness {
	b.Helper()
	from := time.Now().Truncate(time.Second).Add(4 * time.Second)
	to := from.Add(lasts)
	r.due(b, fmt.Sprintf("secondly%d_", from.Unix()), n, from.Add(-2*time.Second), time.Second)
	<-time.After(time.Until(from))
	r.consumer.forget()
	cpu, began := r.cpu(b), time.Now()
	alone := r.alone(b, to)
	used, took := r.cpu(b).minus(cpu), time.Since(began)
	handled := r.consumer.handled()
	l := r.lateness(b, from, to)
	r.retire(b)
	r.explain(b, from, to, alone)
	fires := float64(l.fires)
	b.ReportMetric(fires/took.Seconds(), "fires/s")
	b.ReportMetric(float64(l.unpublished), "unpublished")
	b.ReportMetric(ms(l.p50), "published-p50-ms")
	b.ReportMetric(ms(l.p99), "published-p99-ms")
	b.ReportMetric(ms(l.max), "published-max-ms")
	b.ReportMetric(ms(percentile(handled, 0.5)), "handled-p50-ms")
	b.ReportMetric(ms(percentile(handled, 0.99)), "handled-p99-ms")
	b.ReportMetric(r.memory(b)/(1<<20), "MiB")
	b.ReportMetric(r.hot(b), "hot-updates-%")
	used.report(b, fires)
	return l
}

// BenchmarkSameSecond is 10 000 schedules due at the same instant, once.
func BenchmarkSameSecond(b *testing.B) {
	const schedules = 10_000
	r := newLoadRig(b)
	for b.Loop() {
		due := time.Now().Truncate(time.Second).Add(3 * time.Second)
		r.due(b, fmt.Sprintf("burst%d_", due.Unix()), schedules, due, 24*time.Hour)
		r.consumer.forget()
		cpu := r.cpu(b)
		wait.For(b, 2*limit, "all to be handled", func() bool { return r.consumer.len() >= schedules }) // asks nothing of the database
		used := r.cpu(b).minus(cpu)
		wait.For(b, limit, "all to be done", func() bool { return r.open(b, due, due.Add(time.Second)) == 0 })
		l := r.lateness(b, due, due.Add(time.Second))
		used.report(b, schedules)
		b.ReportMetric(ms(l.max), "published-max-ms")
		b.ReportMetric(schedules/l.max.Seconds(), "fires/s")
		r.retire(b)
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// usage of CPU by process.
type usage struct{ scheduler, postgres, rabbitmq time.Duration }

func (r *rig) cpu(b *testing.B) usage {
	b.Helper()
	return usage{amqptest.ProcessCPU(b, r.scheduler.Process.Pid), pgtest.CPU(b, r.postgres), amqptest.CPU(b, r.rabbitmq)}
}

func (u usage) minus(v usage) usage {
	return usage{u.scheduler - v.scheduler, u.postgres - v.postgres, u.rabbitmq - v.rabbitmq}
}

func (u usage) report(b *testing.B, fires float64) {
	b.ReportMetric(float64(u.scheduler.Microseconds())/fires, "scheduler-cpu-µs/fire")
	b.ReportMetric(float64(u.postgres.Microseconds())/fires, "postgres-cpu-µs/fire")
	b.ReportMetric(float64(u.rabbitmq.Microseconds())/fires, "rabbitmq-cpu-µs/fire")
}
