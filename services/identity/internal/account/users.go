package account

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/audit"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/password"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Store keeps users. Each change is one transaction with its event, made in the name of by.
// An id that nobody has is a not_found problem.
type Store interface {
	Create(ctx context.Context, u User, nameKey, hash, by string) (User, error) // conflict: the name is taken
	Change(ctx context.Context, id, by string, change func(*User) error) (User, error)
	SetPassword(ctx context.Context, id, hash, by string, allow func(User) error) (User, error)
	EndSessions(ctx context.Context, id string, allow func(User) error) (User, error)
}

// Hasher turns a password into what is stored.
type Hasher interface {
	Hash(ctx context.Context, plain string) (string, error)
}

// Users are changed by administrators of identity. Safe for concurrent use.
type Users struct {
	store Store
	hash  Hasher
	trail *audit.Trail
}

// NewUsers makes them.
func NewUsers(store Store, hash Hasher, trail *audit.Trail) *Users {
	return &Users{store: store, hash: hash, trail: trail}
}

// NewUser is what a user is made of. Password "" is none: the user cannot sign in with one.
type NewUser struct {
	Name, DisplayName, Password string
	Grants                      []access.Grant
}

// Create makes a user.
func (s *Users) Create(ctx context.Context, actor access.Principal, n NewUser) (User, error) {
	name, key, errName := Name(n.Name)
	display, errDisplay := DisplayName(n.DisplayName)
	grants, errGrants := Normal(n.Grants)
	if err := firstOf(errName, errDisplay, errGrants); err != nil {
		return User{}, err
	}
	if !Covers(actor, grants) {
		return User{}, s.refuse(ctx, "user.create", actor, User{Name: name}, "nobody can grant more than he holds")
	}
	hash, err := s.hashNew(ctx, n.Password, name)
	if err != nil {
		return User{}, err
	}
	u := User{ID: uuid.Must(uuid.NewV7()).String(), Name: name, DisplayName: display, HasPassword: hash != "", Grants: grants}
	u, err = s.store.Create(ctx, u, key, hash, actor.Subject)
	return u, s.note(ctx, "user.create", actor, u, err)
}

// Patch is a partial change; nil leaves a field as it is.
type Patch struct {
	DisplayName *string
	Disabled    *bool
}

// Change applies a patch. Disabling ends the user's sessions; tokens given out die within five minutes.
func (s *Users) Change(ctx context.Context, actor access.Principal, id string, p Patch) (User, error) {
	if p.DisplayName != nil {
		clean, err := DisplayName(*p.DisplayName)
		if err != nil {
			return User{}, err
		}
		p.DisplayName = &clean
	}
	return s.change(ctx, "user.change", actor, id, func(u *User) error {
		if p.DisplayName != nil {
			u.DisplayName = *p.DisplayName
		}
		if p.Disabled != nil {
			u.Disabled = *p.Disabled
		}
		return nil
	})
}

// SetGrants replaces all grants of a user. They are in the tokens given out from now on.
func (s *Users) SetGrants(ctx context.Context, actor access.Principal, id string, grants []access.Grant) (User, error) {
	grants, err := Normal(grants)
	if err != nil {
		return User{}, err
	}
	return s.change(ctx, "user.grant", actor, id, func(u *User) error {
		if !Covers(actor, grants) {
			return problem.New(problem.Forbidden, "nobody can grant more than he holds")
		}
		u.Grants = grants
		return nil
	})
}

// SetPassword gives a user a new password and ends his sessions.
func (s *Users) SetPassword(ctx context.Context, actor access.Principal, id, plain string) error {
	hash, err := s.hashNew(ctx, plain, "")
	if err != nil {
		return err
	}
	if hash == "" {
		return password.Check("", "")
	}
	u, err := s.store.SetPassword(ctx, id, hash, actor.Subject, func(u User) error {
		if err := mayTouch(actor, u); err != nil {
			return err
		}
		return password.Check(password.Normalize(plain), u.Name)
	})
	return s.note(ctx, "user.password", actor, u, err)
}

// EndSessions signs a user out everywhere, as after the loss of a device; tokens given out die within five minutes.
func (s *Users) EndSessions(ctx context.Context, actor access.Principal, id string) error {
	u, err := s.store.EndSessions(ctx, id, func(u User) error { return mayTouch(actor, u) })
	return s.note(ctx, "user.sign-out", actor, u, err)
}

func (s *Users) change(ctx context.Context, action string, actor access.Principal, id string, change func(*User) error) (User, error) {
	u, err := s.store.Change(ctx, id, actor.Subject, func(u *User) error {
		if err := mayTouch(actor, *u); err != nil {
			return err
		}
		return change(u)
	})
	return u, s.note(ctx, action, actor, u, err)
}

// mayTouch keeps an administrator of some services from taking over one of more.
func mayTouch(actor access.Principal, u User) error {
	if !Covers(actor, u.Grants) {
		return problem.New(problem.Forbidden, "the user holds grants that the caller does not")
	}
	return nil
}

func (s *Users) hashNew(ctx context.Context, plain, name string) (string, error) {
	if plain == "" {
		return "", nil
	}
	plain = password.Normalize(plain)
	if err := password.Check(plain, name); err != nil {
		return "", err
	}
	hash, err := s.hash.Hash(ctx, plain)
	if err != nil {
		return "", problem.Wrap(problem.Unavailable, "too many passwords are being checked just now; try again", err)
	}
	return hash, nil
}

func (s *Users) refuse(ctx context.Context, action string, actor access.Principal, u User, detail string) error {
	return s.note(ctx, action, actor, u, problem.New(problem.Forbidden, detail))
}

// note audits what was done and what was forbidden; other errors are the access log's.
func (s *Users) note(ctx context.Context, action string, actor access.Principal, u User, err error) error {
	e := audit.Entry{Action: action, Actor: actor.Subject, Target: u.ID, Name: u.Name, Outcome: audit.Done}
	if err != nil {
		e.Outcome, e.Detail = audit.Refused, err.Error()
	}
	if err == nil || slices.Contains([]problem.Code{problem.Forbidden, problem.Conflict}, problem.CodeOf(err)) {
		s.trail.Record(ctx, e)
	}
	return err
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
