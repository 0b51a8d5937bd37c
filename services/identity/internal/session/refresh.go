package session

import (
	"context"
	"net/netip"
	"strings"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/account"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/audit"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Outcome of a rotation.
type Outcome string

// The outcomes. Only Rotated gives tokens.
const (
	Rotated  Outcome = "done"
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
}

// Refresh uses up a refresh token and gives the next pair. All refusals read the same.
func (s *Sessions) Refresh(ctx context.Context, token string, from netip.Addr) (Tokens, error) {
	if !strings.HasPrefix(token, refreshPrefix) {
		s.Metrics.refresh(Unknown)
		return Tokens{}, noSession()
	}
	now := s.Now()
	plain, next := newRefresh(now.Add(s.Idle))
	r, err := s.Families.Rotate(ctx, digest(token), next, now)
	if err != nil {
		return Tokens{}, err
	}
	s.Metrics.refresh(r.Outcome)
	if r.Outcome == Reused || r.Outcome == Disabled {
		s.Trail.Record(ctx, audit.Entry{Action: "refresh", Outcome: audit.Refused, Target: r.User.ID, Name: r.User.Name, From: from,
			Detail: string(r.Outcome) + ", session revoked"})
	}
	if r.Outcome != Rotated {
		return Tokens{}, noSession()
	}
	return s.tokens(r.User, plain)
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

func noSession() error {
	return problem.New(problem.Unauthorized, "the session has ended; sign in again")
}
