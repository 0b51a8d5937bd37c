package ship

import (
	"errors"
	"math/rand/v2"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

const (
	fewRecords  = 100                    // in one batch, at least
	mostRecords = 4000                   // and at most
	goodLatency = 250 * time.Millisecond // of one export; a batch that takes longer is followed by a smaller one
	firstPause  = 100 * time.Millisecond // between attempts, doubled up to
	longPause   = 10 * time.Second
	longestWait = 5 * time.Minute // that a store may ask for
)

// pace is how much one stream sends at once. It grows while the store answers quickly, as large batches cost
// it less, and shrinks when it is slow, so that records are not old before they are seen.
type pace struct{ records int }

func newPace() pace { return pace{records: 4 * fewRecords} }

// observe an export of n records that has succeeded.
func (p *pace) observe(n int, took time.Duration) {
	switch {
	case took > goodLatency:
		p.shrink(p.records * 3 / 4)
	case n >= p.records && took < goodLatency/2:
		p.records = min(p.records*3/2, mostRecords)
	}
}

// tooMuch: n records at once were more than the store can take.
func (p *pace) tooMuch(n int) { p.shrink(n / 2) }

func (p *pace) shrink(to int) { p.records = max(min(p.records, to), fewRecords) }

// asked is how long the store asks to be left alone: the sender has had its share.
func asked(err error) (wait time.Duration, ok bool) {
	var s interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &s) {
		return 0, false
	}
	for _, d := range s.GRPCStatus().Details() {
		if info, is := d.(*errdetails.RetryInfo); is {
			return min(max(info.GetRetryDelay().AsDuration(), 0), longestWait), true
		}
	}
	return 0, false
}

// jittered spreads those who begin to wait at the same time: from a half to one and a half of the delay.
func jittered(delay time.Duration) time.Duration { return delay/2 + rand.N(delay) }

// after adds up to a half to a wait that the store has asked for; less would be too early.
func after(wait time.Duration) time.Duration { return wait + rand.N(wait/2+firstPause) }
