// Package view is a user's saved question to the log: a name, a query and how far back it looks.
package view

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// View belongs to its owner alone.
type View struct {
	ID        string
	Owner     string // subject
	Name      string
	Query     string
	Since     string // how long ago it begins, as 15m; "": the API's default
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Errors of a Store.
var (
	ErrUnknown = errors.New("no such view")
	ErrTaken   = errors.New("the name is taken")
	ErrMany    = errors.New("too many views")
)

// Max views of one owner.
const Max = 200

// Store keeps views. What belongs to another owner is unknown to it.
type Store interface {
	List(ctx context.Context, owner string) ([]View, error)
	View(ctx context.Context, owner, id string) (View, error)
	Save(ctx context.Context, v View) (View, error) // by id: made, or changed
	Delete(ctx context.Context, owner, id string) error
}

// Views holds the rules. Its errors are *problem.Error where the caller is to blame.
type Views struct {
	store Store
	check func(query string) error
}

// New makes Views; check says what is wrong with a query.
func New(s Store, check func(query string) error) *Views { return &Views{s, check} }

// List is the owner's views by name.
func (vs *Views) List(ctx context.Context, owner string) ([]View, error) {
	return vs.store.List(ctx, owner)
}

// View finds one.
func (vs *Views) View(ctx context.Context, owner, id string) (View, error) {
	if uuid.Validate(id) != nil || len(id) != 36 {
		return View{}, answer(ErrUnknown)
	}
	v, err := vs.store.View(ctx, owner, id)
	return v, answer(err)
}

// Create saves a new view.
func (vs *Views) Create(ctx context.Context, v View) (View, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return v, fmt.Errorf("make the view's id: %w", err)
	}
	v.ID = id.String()
	return vs.save(ctx, v)
}

// Change replaces name, query and since of a view.
func (vs *Views) Change(ctx context.Context, v View) (View, error) {
	if _, err := vs.View(ctx, v.Owner, v.ID); err != nil {
		return v, err
	}
	return vs.save(ctx, v)
}

// Delete removes a view.
func (vs *Views) Delete(ctx context.Context, owner, id string) error {
	if _, err := vs.View(ctx, owner, id); err != nil {
		return err
	}
	return answer(vs.store.Delete(ctx, owner, id))
}

func (vs *Views) save(ctx context.Context, v View) (View, error) {
	v.Name = strings.TrimSpace(v.Name)
	if err := vs.valid(v); err != nil {
		return v, err
	}
	v, err := vs.store.Save(ctx, v)
	return v, answer(err)
}

func (vs *Views) valid(v View) error {
	var wrong []problem.Field
	if v.Name == "" || len(v.Name) > 100 || !utf8.ValidString(v.Name) || strings.ContainsRune(v.Name, 0) {
		wrong = append(wrong, problem.Field{Name: "/name", Detail: "1 to 100 bytes of text"})
	}
	if err := vs.check(v.Query); err != nil {
		wrong = append(wrong, problem.Field{Name: "/query", Detail: err.Error()})
	}
	if d, err := time.ParseDuration(v.Since); v.Since != "" && (err != nil || d <= 0) {
		wrong = append(wrong, problem.Field{Name: "/since", Detail: "how long ago, as 15m"})
	}
	if wrong != nil {
		return &problem.Error{Code: problem.Invalid, Detail: "the view is not valid", Fields: wrong}
	}
	return nil
}

func answer(err error) error {
	switch {
	case errors.Is(err, ErrUnknown):
		return problem.New(problem.NotFound, "no such view")
	case errors.Is(err, ErrTaken):
		return problem.New(problem.Conflict, "you have a view of this name already")
	case errors.Is(err, ErrMany):
		return problem.New(problem.Conflict, fmt.Sprintf("you have %d views, which is the most; delete one", Max))
	default:
		return err
	}
}
