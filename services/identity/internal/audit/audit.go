// Package audit writes identity's audit trail: log records marked audit=true, which are kept like
// errors and never shed. No password and no token ever comes in here.
package audit

import (
	"context"
	"log/slog"
	"net/netip"

	"github.com/signalbox-mesh/signalbox/sidecar/logging"
)

// Outcomes of an action.
const (
	Done    = "done"
	Refused = "refused"
)

// Entry is one thing that somebody did, or tried.
type Entry struct {
	Action  string // "sign-in", "user.create"
	Outcome string
	Actor   string // user id, or "service:up"; empty: nobody signed in
	Target  string // user id
	Name    string // the target's sign-in name; only of users that exist
	From    netip.Addr
	Detail  string
}

// Trail is safe for concurrent use.
type Trail struct{ log *slog.Logger }

// New makes a trail that writes to log.
func New(log *slog.Logger) *Trail { return &Trail{log: log} }

// Record writes one entry.
func (t *Trail) Record(ctx context.Context, e Entry) {
	attrs := []slog.Attr{slog.String("action", e.Action), slog.String("outcome", e.Outcome)}
	for _, a := range []slog.Attr{
		slog.String("actor", e.Actor), slog.String("user_id", e.Target), slog.String("user_name", e.Name), slog.String("detail", e.Detail),
	} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	if e.From.IsValid() {
		attrs = append(attrs, slog.String("client_address", e.From.String()))
	}
	logging.Audit(ctx, t.log, e.Action+" "+e.Outcome, attrs...)
}
