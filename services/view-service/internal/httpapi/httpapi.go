// Package httpapi is view-service's own REST API: saved views.
package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-mesh/signalbox/services/view-service/internal/view"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

const prefix = "/api/view-service/v1"

// View as the API shows it.
type View struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Query     string    `json:"query"`
	Since     string    `json:"since,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

type body struct {
	Name  string `json:"name" doc:"unique among your views"`
	Query string `json:"query" doc:"of the log, as: service:catalogs level>=warn"`
	Since string `json:"since,omitempty" doc:"how long ago it begins, as 15m"`
}

type (
	one  struct{ Body View }
	many struct {
		Body struct {
			Views []View `json:"views"`
		}
	}
	// ByID names a view by its path.
	ByID struct {
		ID string `path:"id"`
	}
	newView struct{ Body body }
	changed struct {
		ByID
		Body body
	}
)

type handlers struct{ views *view.Views }

// Register adds the routes. A view is seen by its owner alone.
func Register(api *web.API, views *view.Views) {
	h, viewer := handlers{views}, access.Has(access.Viewer)
	web.Register(api, op(http.MethodGet, "/views", "list-views", "List your saved views of the log"), viewer, h.list)
	create := op(http.MethodPost, "/views", "create-view", "Save a view of the log")
	create.DefaultStatus = http.StatusCreated
	web.Register(api, create, viewer, h.create)
	web.Register(api, op(http.MethodGet, "/views/{id}", "get-view", "Show a saved view"), viewer, h.show)
	web.Register(api, op(http.MethodPut, "/views/{id}", "change-view", "Change a saved view"), viewer, h.change)
	web.Register(api, op(http.MethodDelete, "/views/{id}", "delete-view", "Delete a saved view"), viewer, h.remove)
}

func op(method, path, id, summary string) huma.Operation {
	return huma.Operation{Method: method, Path: prefix + path, OperationID: id, Summary: summary, Tags: []string{"view-service"}}
}

func owner(ctx context.Context) string {
	p, _ := access.From(ctx)
	return p.Subject
}

func (h handlers) list(ctx context.Context, _ *struct{}) (*many, error) {
	all, err := h.views.List(ctx, owner(ctx))
	if err != nil {
		return nil, failed(err)
	}
	out := &many{}
	out.Body.Views = make([]View, len(all))
	for i, v := range all {
		out.Body.Views[i] = show(v)
	}
	return out, nil
}

func (h handlers) create(ctx context.Context, in *newView) (*one, error) {
	v, err := h.views.Create(ctx, view.View{Owner: owner(ctx), Name: in.Body.Name, Query: in.Body.Query, Since: in.Body.Since})
	return answer(v, err)
}

func (h handlers) show(ctx context.Context, in *ByID) (*one, error) {
	v, err := h.views.View(ctx, owner(ctx), in.ID)
	return answer(v, err)
}

func (h handlers) change(ctx context.Context, in *changed) (*one, error) {
	v, err := h.views.Change(ctx, view.View{ID: in.ID, Owner: owner(ctx), Name: in.Body.Name, Query: in.Body.Query, Since: in.Body.Since})
	return answer(v, err)
}

func (h handlers) remove(ctx context.Context, in *ByID) (*struct{}, error) {
	return nil, failed(h.views.Delete(ctx, owner(ctx), in.ID))
}

func answer(v view.View, err error) (*one, error) {
	if err != nil {
		return nil, failed(err)
	}
	return &one{show(v)}, nil
}

func failed(err error) error {
	if pg.IsUnavailable(err) {
		return problem.Wrap(problem.Unavailable, "the database cannot be reached now", err)
	}
	return err
}

func show(v view.View) View {
	return View{v.ID, v.Name, v.Query, v.Since, v.CreatedAt.UTC(), v.UpdatedAt.UTC()}
}
