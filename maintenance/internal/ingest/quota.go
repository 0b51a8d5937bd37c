package ingest

import (
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Reasons to send a service away for a while.
const (
	queueFull = "full"
	overQuota = "quota"
)

const (
	fullPause = 500 * time.Millisecond // until a full queue is worth another try
	burst     = 2 * time.Second        // what a service may have saved up of its quota
	maxQuotas = 1024                   // services remembered; one that sends nothing is forgotten first
)

// refusal of what a service sent too much. It is a gRPC status, with the time after which to come again.
type refusal struct {
	reason  string
	service string
	records int
	after   time.Duration
}

func (r refusal) Error() string {
	if r.reason == overQuota {
		return fmt.Sprintf("%s sends more log records than its quota; come again in %s", r.service, r.after.Round(time.Millisecond))
	}
	return fmt.Sprintf("too many log records of %s wait to be stored; come again in %s", r.service, r.after.Round(time.Millisecond))
}

// GRPCStatus is what the sender sees.
func (r refusal) GRPCStatus() *status.Status {
	st := status.New(codes.ResourceExhausted, r.Error())
	if rich, err := st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(r.after)}); err == nil {
		return rich
	}
	return st
}

// quotas are token buckets, one a service. A batch larger than the bucket passes when it is full, and leaves a debt.
type quotas struct {
	rate float64 // records a second; 0: no quotas
	by   map[string]*bucket
}

type bucket struct {
	left float64
	at   time.Time
}

func (q *quotas) size() float64 { return q.rate * burst.Seconds() }

// ask is how long the service has to wait before n records pass; 0: they do now.
func (q *quotas) ask(service string, n int, now time.Time) time.Duration {
	b := q.by[service]
	if q.rate <= 0 || b == nil {
		return 0
	}
	b.fill(q, now)
	missing := min(float64(n), q.size()) - b.left
	return max(0, time.Duration(missing/q.rate*float64(time.Second)))
}

func (q *quotas) take(service string, n int, now time.Time) {
	if q.rate <= 0 {
		return
	}
	b := q.by[service]
	if b == nil {
		q.forget(now)
		b = &bucket{left: q.size(), at: now}
		q.by[service] = b
	}
	b.fill(q, now)
	b.left -= float64(n)
}

// forget drops full buckets, which say nothing.
func (q *quotas) forget(now time.Time) {
	if len(q.by) < maxQuotas {
		return
	}
	for service, b := range q.by {
		if b.fill(q, now); b.left >= q.size() {
			delete(q.by, service)
		}
	}
}

func (b *bucket) fill(q *quotas, now time.Time) {
	b.left = min(q.size(), b.left+now.Sub(b.at).Seconds()*q.rate)
	b.at = now
}
