package debug

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// Where a token travels.
const (
	Header    = "Signalbox-Debug" // of an HTTP request, in its canonical form
	Metadata  = "signalbox-debug" // of a gRPC call
	Extension = "signalboxdebug"  // of a CloudEvents event
)

// Grant is what a flow may do here.
type Grant struct {
	LeaseID string
	Level   slog.Level
	Until   time.Time // by the monotonic clock
}

// flow is one request, call or handler under way that a grant is for.
type flow struct {
	Grant
	token   string // "": there is none that others would believe
	account *account
	over    atomic.Bool // released
}

// holds says whether the grant still counts.
func (f *flow) holds(now time.Time) bool {
	return !f.over.Load() && !f.account.ended() && now.Before(f.Until)
}

type flowKey struct{}

func flowOf(ctx context.Context) *flow {
	f, _ := ctx.Value(flowKey{}).(*flow)
	return f
}

// Token of the flow that ctx belongs to, for whoever sends something on; "" outside of one, and once it is worth
// nothing. What a request leaves behind has it too: the end of the request is not that of what follows from it.
func Token(ctx context.Context) string {
	f := flowOf(ctx)
	if f == nil || f.token == "" || f.account.ended() || !time.Now().Before(f.Until) {
		return ""
	}
	return f.token
}

// Lease that grants ctx its level, for the lines that it lets through; "" outside of a flow.
func Lease(ctx context.Context) string {
	if f := flowOf(ctx); f != nil {
		return f.LeaseID
	}
	return ""
}
