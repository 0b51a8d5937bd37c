package session

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/account"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/audit"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/usertoken"
)

// CodeTTL is how long a sign-in code may be used, once.
const CodeTTL = time.Minute

// codePrefix is for scanners, as refreshPrefix is.
const codePrefix = "sbc_"

// Code is the stored half of a sign-in code.
type Code struct {
	Hash    []byte
	UserID  string
	Expires time.Time
	Until   time.Time // the end of the session that it opens
}

// Codes keeps them. TakeCode finds a code and uses it up in one; the zero User where there is none.
type Codes interface {
	AddCode(ctx context.Context, c Code) error
	TakeCode(ctx context.Context, hash []byte) (Code, account.User, error)
}

// NewCode makes a code that opens one session for the caller, somewhere else: in a browser, for who has a token only. A
// session that comes of it ends with the caller's token at the latest, so that nobody makes a short access longer by it.
func (s *Sessions) NewCode(ctx context.Context, p access.Principal, from netip.Addr) (code string, expires time.Time, err error) {
	bits := make([]byte, 32)
	rand.Read(bits)
	code = codePrefix + base64.RawURLEncoding.EncodeToString(bits)
	now := s.Now()
	kept := Code{Hash: digest(code), UserID: p.Subject, Expires: now.Add(CodeTTL), Until: p.Until.Add(-usertoken.Leeway)}
	if p.Until.IsZero() {
		kept.Until = now.Add(AccessTTL)
	}
	if err := s.Codes.AddCode(ctx, kept); err != nil {
		return "", time.Time{}, err
	}
	s.Trail.Record(ctx, audit.Entry{Action: "sign-in-code.issue", Outcome: audit.Done, Actor: p.Subject, Target: p.Subject, Name: p.Name, From: from})
	return code, kept.Expires, nil
}

// Redeem opens the session of a code. All refusals read the same.
func (s *Sessions) Redeem(ctx context.Context, code string, from netip.Addr) (Tokens, error) {
	now := s.Now()
	kept, u, err := s.Codes.TakeCode(ctx, digest(code))
	if err != nil {
		return Tokens{}, err
	}
	if u.ID == "" || u.Disabled || !now.Before(kept.Expires) || !now.Before(kept.Until) {
		s.Metrics.signIn("refused")
		s.Trail.Record(ctx, audit.Entry{Action: "sign-in", Outcome: audit.Refused, Target: u.ID, Name: u.Name, From: from, Detail: "by a code that does not hold"})
		return Tokens{}, problem.New(problem.Unauthorized, "this sign-in link was used before, or its minute is over; ask for another one")
	}
	refresh, stored := newRefresh(now.Add(s.Idle))
	family := Family{ID: uuid.Must(uuid.NewV7()).String(), UserID: u.ID, From: from, Begun: now, Expires: earlier(now.Add(s.Longest), kept.Until)}
	if err := s.Families.Begin(ctx, family, stored); err != nil {
		return Tokens{}, err
	}
	s.Metrics.signIn("done")
	s.Trail.Record(ctx, audit.Entry{Action: "sign-in", Outcome: audit.Done, Actor: u.ID, Target: u.ID, Name: u.Name, From: from, Detail: "by a code"})
	return s.tokens(u, refresh, family.Expires)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
