package session

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/account"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/audit"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Outcome of a rotation.
type Outcome string

// The outcomes. Rotated and Repeated give tokens.
const (
	Rotated  Outcome = "done"
	Repeated Outcome = "repeated" // it was used just now: its answer was lost
	Unknown  Outcome = "unknown"  // no such token
	Expired  Outcome = "expired"  // it, or its session
	Revoked  Outcome = "revoked"  // its session ended before
	Reused   Outcome = "reused"   // it was used before: the session is revoked now
	Disabled Outcome = "disabled" // the user is: the session is revoked now
)

// Rotation is what became of a used token.
type Rotation struct {
	Outcome Outcome
	User    account.User
	Ends    time.Time // of the session, whatever is refreshed
}

// CookieLeeway is how long after its use a token that a browser keeps as a cookie may come again.
const CookieLeeway = 10 * time.Second

// Refresh uses up a refresh token and gives the next pair. All refusals read the same. Within leeway of its use the token
// is taken once more.
func (s *Sessions) Refresh(ctx context.Context, token string, from netip.Addr, leeway time.Duration) (Tokens, error) {
	if !strings.HasPrefix(token, refreshPrefix) {
		s.Metrics.refresh(Unknown)
		return Tokens{}, noSession()
	}
	now := s.Now()
	plain, next := newRefresh(now.Add(s.Idle))
	r, err := s.Families.Rotate(ctx, digest(token), next, now, leeway)
	if err != nil {
		return Tokens{}, err
	}
	s.Metrics.refresh(r.Outcome)
	if r.Outcome == Reused || r.Outcome == Disabled {
		s.Trail.Record(ctx, audit.Entry{Action: "refresh", Outcome: audit.Refused, Target: r.User.ID, Name: r.User.Name, From: from,
			Detail: string(r.Outcome) + ", session revoked"})
	}
	if r.Outcome != Rotated && r.Outcome != Repeated {
		return Tokens{}, noSession()
	}
	return s.tokens(r.User, plain, r.Ends)
}

// SignOut ends the session of a refresh token, used or not. A token that is unknown is signed out already.
func (s *Sessions) SignOut(ctx context.Context, token string, from netip.Addr) error {
	user, err := s.Families.End(ctx, digest(token), s.Now())
	if err != nil || user == "" {
		return err
	}
	s.Trail.Record(ctx, audit.Entry{Action: "sign-out", Outcome: audit.Done, Actor: user, Target: user, From: from})
	return nil
}

// SignOutEverywhere ends all sessions of the caller. Tokens that are out hold until they expire, AccessTTL at most.
func (s *Sessions) SignOutEverywhere(ctx context.Context, p access.Principal, from netip.Addr) error {
	ended, err := s.Families.EndAll(ctx, p.Subject)
	if err != nil {
		return err
	}
	s.Trail.Record(ctx, audit.Entry{Action: "sign-out-everywhere", Outcome: audit.Done, Actor: p.Subject, Target: p.Subject, Name: p.Name, From: from,
		Detail: strconv.FormatInt(ended, 10) + " sessions"})
	return nil
}

func noSession() error {
	return problem.New(problem.Unauthorized, "the session has ended; sign in again")
}
