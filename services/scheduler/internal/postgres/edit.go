package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// What stands against a change of a schedule.
var (
	ErrDeclared = errors.New("the schedule is declared by its service")
	ErrMade     = errors.New("the schedule is made by people")
)

// ConflictError means that the schedule has been changed since the caller looked at it.
type ConflictError struct{ Revision int64 } // it has now; 0: it does not exist

func (e *ConflictError) Error() string {
	return fmt.Sprintf("the schedule has revision %d", e.Revision)
}

// Edit is what somebody wants of a schedule. Its spec is valid and normal: see Normal.
type Edit struct {
	Name, Service string
	Spec          api.Spec
	By, Note      string
	Revision      *int64 // the schedule has, or it is refused with a *ConflictError; 0: it does not exist; nil: any
	DryRun        bool   // nothing is stored
}

// Edited answers an edit.
type Edited struct {
	Schedule api.Schedule // as it is now, or would be; without its history
	Before   int64        // revision before the edit; 0: it did not exist
	Changed  bool
}

// Normal is a valid spec as the store keeps it: with its defaults, times in UTC, the payload compact.
func Normal(name string, s api.Spec) api.Spec {
	return readSpec(writeSpec(timed.SpecOf(s.Schedule(name))))
}

// Put makes a schedule, replaces a made one, or edits a declared one, which it is in force over then until it is taken
// back, or its service declares the same. Putting what the service declares takes the edit back.
func (s *Store) Put(ctx context.Context, e Edit) (Edited, error) {
	return s.edit(ctx, e, func(have schedule) (schedule, string, error) {
		want, action := have, "edited"
		if !have.alive() {
			want, action = schedule{Name: e.Name, Service: e.Service, Origin: originMade}, "created"
		}
		want.EditedSpec = writeSpec(e.Spec)
		if want.DeclaredSpec != "" && equalSpecs(want.DeclaredSpec, want.EditedSpec) {
			want.EditedSpec, action = "", "reverted"
		}
		return want, action, nil
	})
}

// Revert takes the edit of a declared schedule back; ErrMade where there is no declaration. Without an edit it does nothing.
func (s *Store) Revert(ctx context.Context, e Edit) (Edited, error) {
	return s.edit(ctx, e, func(have schedule) (schedule, string, error) {
		switch {
		case !have.alive():
			return have, "", ErrNotFound
		case have.DeclaredSpec == "":
			return have, "", ErrMade
		}
		have.EditedSpec = ""
		return have, "reverted", nil
	})
}

// edit writes what decide makes of the schedule as it is.
func (s *Store) edit(ctx context.Context, e Edit, decide func(have schedule) (want schedule, action string, err error)) (done Edited, err error) {
	ctx, commit := s.counted(ctx)
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		c := change{store: s, tx: tx, by: e.By, note: e.Note}
		have, err := c.begin(ctx, e)
		if err != nil {
			return err
		}
		want, action, err := decide(have)
		if err != nil {
			return err
		}
		done, err = c.finish(ctx, e, have, want, action)
		return err
	})
	commit(err)
	if err != nil {
		return Edited{}, fmt.Errorf("edit schedule %q: %w", e.Name, err)
	}
	return done, nil
}

// begin locks the schedule and refuses an edit of what has been changed since.
func (c *change) begin(ctx context.Context, e Edit) (have schedule, err error) {
	if err := c.lockService(ctx, e.Service); err != nil {
		return schedule{}, err
	}
	if have, _, err = c.lock(ctx, e.Name); err != nil {
		return schedule{}, err
	}
	if e.Revision != nil && *e.Revision != have.current() {
		return schedule{}, &ConflictError{Revision: have.current()}
	}
	return have, nil
}

func (c *change) finish(ctx context.Context, e Edit, have, want schedule, action string) (Edited, error) {
	done := Edited{Before: have.current(), Changed: !have.alive() || have.EditedSpec != want.EditedSpec || c.standsStill(have)}
	if done.Changed {
		want.EditedBy, want.EditedAt = e.By, &c.now
		if want.EditedSpec == "" {
			want.EditedBy, want.EditedAt = "", nil
		}
		if want.DeclaredAt.IsZero() {
			want.DeclaredAt = c.now
		}
	}
	var err error
	switch {
	case e.DryRun:
		want, _ = c.retime(have, want)
	case done.Changed:
		want, err = c.write(ctx, have, want, action)
	}
	done.Schedule = want.api()
	return done, err
}

// Delete retires a made schedule; ErrDeclared where its service declares it.
func (s *Store) Delete(ctx context.Context, e Edit) error {
	ctx, commit := s.counted(ctx)
	err := s.db.InTx(ctx, func(tx pg.Tx) error {
		c := change{store: s, tx: tx, by: e.By, note: e.Note}
		have, err := c.begin(ctx, e)
		switch {
		case err != nil:
			return err
		case !have.alive():
			return ErrNotFound
		case have.Origin != originMade:
			return ErrDeclared
		}
		return c.retire(ctx, have)
	})
	commit(err)
	if err != nil {
		return fmt.Errorf("delete schedule %q: %w", e.Name, err)
	}
	return nil
}
