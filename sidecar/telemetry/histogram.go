package telemetry

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
)

// DurationBuckets are OpenTelemetry's advice for request durations, in seconds.
func DurationBuckets() []float64 {
	return []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}
}

// SizeBuckets are for bodies and messages, in bytes: 256 B to 4 MiB.
func SizeBuckets() []float64 { return prometheus.ExponentialBuckets(256, 8, 6) }

// NewHistogram registers (or finds) a histogram that is classic and native at once.
func NewHistogram(r prometheus.Registerer, name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return Register(r, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:                            name,
		Help:                            help,
		Buckets:                         buckets,
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  100,
		NativeHistogramMinResetDuration: time.Hour,
	}, labels))
}

// Observe records value with the trace of ctx as its exemplar when that trace is sampled.
func Observe(ctx context.Context, o prometheus.Observer, value float64) {
	ObserveIn(trace.SpanContextFromContext(ctx), o, value)
}

// ObserveIn is Observe for who has the span and not its context.
func ObserveIn(sc trace.SpanContext, o prometheus.Observer, value float64) {
	e, ok := o.(prometheus.ExemplarObserver)
	if !ok || !sc.IsSampled() {
		o.Observe(value)
		return
	}
	e.ObserveWithExemplar(value, prometheus.Labels{"trace_id": sc.TraceID().String()})
}
