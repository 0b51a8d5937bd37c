// Package session signs users in and out. A session is a family of refresh tokens, each good for
// one use:
//
//	sign-in ──▶ live ──refresh──▶ live (the token before is used up) ──▶ …
//	              │                  │
//	              │ sign-out, user   │ a used token comes again: somebody
//	              │ disabled, new    │ else has it
//	              ▼ password         ▼
//	           revoked            revoked, the whole family
//
// An answer that got lost on its way costs its user a new sign-in: to the server, the second use of
// a token looks like a thief's. A browser loses answers whenever a page is left or loaded again, and has several
// pages that renew the one session; there a token is good for CookieLeeway longer.
package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/netip"
	"time"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/account"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/audit"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/password"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

// AccessTTL is how long a user token holds, and so how long a disabled user may still act.
const AccessTTL = 5 * time.Minute

// Tokens are what a client gets.
type Tokens struct {
	Access    string
	Refresh   string
	ExpiresIn time.Duration // of Access
	KeepFor   time.Duration // Refresh is good for, if it is not used
}

// Family is a session as it begins.
type Family struct {
	ID      string
	UserID  string
	From    netip.Addr
	Begun   time.Time
	Expires time.Time // whatever is refreshed
}

// Token is the stored half of a refresh token.
type Token struct {
	Hash    []byte
	Expires time.Time
}

// Families keeps sessions.
type Families interface {
	Begin(ctx context.Context, f Family, first Token) error
	Rotate(ctx context.Context, used []byte, next Token, now time.Time, leeway time.Duration) (Rotation, error)
	End(ctx context.Context, token []byte, now time.Time) (userID string, err error) // "": no such session
	EndAll(ctx context.Context, userID string) (ended int64, err error)
}

// Credentials finds what a name signs in with.
type Credentials interface {
	Credentials(ctx context.Context, nameKey string) (u account.User, hash string, err error)
	Rehash(ctx context.Context, id, old, fresh string) error
}

// Passwords hashes and checks.
type Passwords interface {
	Verify(ctx context.Context, hash, plain string) (password.Verdict, error)
	Hash(ctx context.Context, plain string) (string, error)
}

// Signer makes user tokens.
type Signer interface {
	Sign(p access.Principal, ttl time.Duration) (string, error)
}

// Settings of Sessions; all are needed but Now.
type Settings struct {
	Families    Families
	Codes       Codes
	Credentials Credentials
	Strikes     Strikes
	Passwords   Passwords
	Signer      Signer
	Trail       *audit.Trail
	Metrics     *Metrics
	Idle        time.Duration // a refresh token unused for so long is dead
	Longest     time.Duration // of a session
	Now         func() time.Time
}

// Sessions is safe for concurrent use.
type Sessions struct{ Settings }

// New makes Sessions.
func New(s Settings) *Sessions {
	if s.Now == nil {
		s.Now = time.Now
	}
	return &Sessions{Settings: s}
}

// tokens gives out a user token beside a refresh token. It ends with its session.
func (s *Sessions) tokens(u account.User, refresh string, ends time.Time) (Tokens, error) {
	ttl := min(AccessTTL, ends.Sub(s.Now()))
	signed, err := s.Signer.Sign(u.Principal(), ttl)
	if err != nil {
		return Tokens{}, fmt.Errorf("sign user token: %w", err)
	}
	return Tokens{Access: signed, Refresh: refresh, ExpiresIn: ttl, KeepFor: s.Idle}, nil
}

// refreshPrefix lets scanners of repositories and logs recognise a leaked token.
const refreshPrefix = "sbr_"

// newRefresh makes 256 random bits and what is stored of them.
func newRefresh(expires time.Time) (plain string, stored Token) {
	bits := make([]byte, 32)
	rand.Read(bits)
	plain = refreshPrefix + base64.RawURLEncoding.EncodeToString(bits)
	return plain, Token{Hash: digest(plain), Expires: expires}
}

func digest(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}
