package session

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/account"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/audit"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/password"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// SignIn checks name and password. Every refusal reads the same and takes the same work, whether the
// name exists or not. *Throttled when there were too many failures of this name or address.
func (s *Sessions) SignIn(ctx context.Context, name, plain string, from netip.Addr) (Tokens, error) {
	u, keys, err := s.check(ctx, name, plain, from)
	if err != nil {
		return Tokens{}, err
	}
	return s.begin(ctx, u, keys, from)
}

// Confirm checks a password as SignIn does, with the same refusals, and opens no session.
func (s *Sessions) Confirm(ctx context.Context, name, plain string, from netip.Addr) error {
	_, keys, err := s.check(ctx, name, plain, from)
	if err != nil {
		return err
	}
	return s.Strikes.Forget(ctx, keys[0].Key)
}

func (s *Sessions) check(ctx context.Context, name, plain string, from netip.Addr) (account.User, []Strike, error) {
	key, keys := strikeKeys(name, from)
	if err := s.throttle(ctx, keys, from); err != nil {
		return account.User{}, nil, err
	}
	u, hash, err := s.Credentials.Credentials(ctx, key)
	if err != nil {
		return u, nil, err
	}
	verdict, err := s.verify(ctx, hash, plain)
	if err != nil {
		return u, nil, err
	}
	if !verdict.OK || u.Disabled {
		return u, nil, s.fail(ctx, keys, u, from)
	}
	// A guess that was under way while others failed must not be told that it was right.
	if err := s.throttle(ctx, keys, from); err != nil {
		return u, nil, err
	}
	if verdict.Stale {
		s.rehash(ctx, u, hash, plain)
	}
	return u, keys, nil
}

// longestQueue is how long a sign-in waits for memory to hash in: a flood is refused, not piled up.
const longestQueue = 3 * time.Second

func (s *Sessions) verify(ctx context.Context, hash, plain string) (password.Verdict, error) {
	if len(plain) > password.MaxBytes {
		plain = "" // never a right one; the work stays the same
	}
	ctx, cancel := context.WithTimeout(ctx, longestQueue)
	defer cancel()
	verdict, err := s.Passwords.Verify(ctx, hash, password.Normalize(plain))
	if err != nil {
		return verdict, problem.Wrap(problem.Unavailable, "too many passwords are being checked just now; try again", err)
	}
	return verdict, nil
}

// begin opens a session and forgets the name's failures.
func (s *Sessions) begin(ctx context.Context, u account.User, keys []Strike, from netip.Addr) (Tokens, error) {
	now := s.Now()
	refresh, stored := newRefresh(now.Add(s.Idle))
	family := Family{ID: uuid.Must(uuid.NewV7()).String(), UserID: u.ID, From: from, Begun: now, Expires: now.Add(s.Longest)}
	if err := s.Families.Begin(ctx, family, stored); err != nil {
		return Tokens{}, err
	}
	if err := s.Strikes.Forget(ctx, keys[0].Key); err != nil {
		return Tokens{}, err
	}
	s.Metrics.signIn("done")
	s.Trail.Record(ctx, audit.Entry{Action: "sign-in", Outcome: audit.Done, Actor: u.ID, Target: u.ID, Name: u.Name, From: from})
	return s.tokens(u, refresh, family.Expires)
}

func (s *Sessions) fail(ctx context.Context, keys []Strike, u account.User, from netip.Addr) error {
	if err := s.Strikes.Add(ctx, keys, s.Now()); err != nil {
		return err
	}
	detail := "wrong password"
	switch {
	case u.ID == "":
		detail = "unknown name"
	case u.Disabled:
		detail = "disabled"
	case !u.HasPassword:
		detail = "has no password"
	}
	s.Metrics.signIn("refused")
	s.Trail.Record(ctx, audit.Entry{Action: "sign-in", Outcome: audit.Refused, Target: u.ID, Name: u.Name, From: from, Detail: detail})
	return problem.New(problem.Unauthorized, "name or password is wrong")
}

// rehash is an improvement that can wait: the sign-in goes on when it fails.
func (s *Sessions) rehash(ctx context.Context, u account.User, old, plain string) {
	fresh, err := s.Passwords.Hash(ctx, password.Normalize(plain))
	if err == nil {
		err = s.Credentials.Rehash(ctx, u.ID, old, fresh)
	}
	if err != nil {
		s.Trail.Record(ctx, audit.Entry{Action: "rehash", Outcome: audit.Refused, Target: u.ID, Detail: fmt.Sprint(err)})
	}
}
