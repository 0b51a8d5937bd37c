// Package hop is what the two ends of a call between services agree on: the headers that say how much time is left and
// that a call is tried again, which calls carry telemetry themselves, and how a status is spelt. It is a leaf: servers need
// it, and no client.
package hop

import (
	"context"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Headers of a request between services, and of its answer.
const (
	Timeout = "Signalbox-Timeout" // what is left to the caller, in milliseconds; gRPC has its own
	Token   = "Signalbox-Token"   // the caller's service token; gRPC has it in authorization
	Attempt = "Signalbox-Attempt" // which try of the call this is, from 2 on; nobody further in tries again
	Retry   = "Signalbox-Retry"   // of a failed answer: "no" where somebody further in has tried again already
)

// The names of Attempt and Retry in gRPC's metadata.
const (
	AttemptMetadata = "signalbox-attempt"
	RetryMetadata   = "signalbox-retry"
)

// No is the value of Retry.
const No = "no"

// maxTimeout bounds what a caller can ask for.
const maxTimeout = time.Hour

type key struct{}

// state is what is known of the call that is being answered.
type state struct {
	again bool // it is not the first try
	spent atomic.Bool
}

// Enter takes over what the caller said: the deadline of its Timeout header and the mark of its Attempt header; "" is what it
// did not say, and what cannot be read counts as that. The returned cancel is called when the call has been answered.
func Enter(ctx context.Context, timeout, attempt string) (context.Context, context.CancelFunc) {
	cancel := func() {}
	if left, ok := left(timeout); ok {
		ctx, cancel = context.WithTimeout(ctx, left)
	}
	return context.WithValue(ctx, key{}, &state{again: attempt != ""}), cancel
}

func left(text string) (time.Duration, bool) {
	ms, err := strconv.ParseUint(text, 10, 63)
	if err != nil || ms == 0 {
		return 0, false
	}
	return min(time.Duration(min(ms, uint64(maxTimeout/time.Millisecond)))*time.Millisecond, maxTimeout), true
}

// Again says whether the call that is being answered under ctx is one that is tried again: what it calls is not.
func Again(ctx context.Context) bool {
	s, _ := ctx.Value(key{}).(*state)
	return s != nil && s.again
}

// Spend notes that a call made for the one under ctx failed, and is not worth another try from further out.
func Spend(ctx context.Context) {
	if s, _ := ctx.Value(key{}).(*state); s != nil {
		s.spent.Store(true)
	}
}

// Spent says whether Spend was called under ctx: a failed answer then has Retry: no.
func Spent(ctx context.Context) bool {
	s, _ := ctx.Value(key{}).(*state)
	return s != nil && s.spent.Load()
}

// Quiet are the methods that carry telemetry themselves: a span of theirs would beget the next call, and no breaker, policy
// or fault of the calls of the business is theirs.
func Quiet(method string) bool {
	for _, prefix := range []string{"/opentelemetry.proto.collector.", "/signalbox.fleet.v1.", "/grpc.health.", "/grpc.reflection."} {
		if strings.HasPrefix(method, prefix) {
			return true
		}
	}
	return false
}
