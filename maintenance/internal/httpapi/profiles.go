package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/profile"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

// Profiles are what instances have captured.
type Profiles interface {
	Profiles(ctx context.Context, scope logs.Scope, f profile.Filter) ([]profile.Profile, error)
	Profile(ctx context.Context, id string) (profile.Profile, error)
	ProfileChunk(ctx context.Context, id string, offset int64) ([]byte, error)
	DeleteProfile(ctx context.Context, id, actor, name string) error
}

// Profile as the API shows it.
type Profile struct {
	ID       string    `json:"id"`
	LeaseID  string    `json:"lease_id" doc:"that asked for it"`
	Service  string    `json:"service"`
	Instance string    `json:"instance"`
	Kind     string    `json:"kind" enum:"cpu,heap,goroutine,block,mutex,trace"`
	From     time.Time `json:"from" doc:"what it is about, by the instance's clock"`
	Until    time.Time `json:"until"`
	Bytes    int64     `json:"bytes"`
	Cut      bool      `json:"cut" doc:"it ended before its time: the lease did, or it reached its bound"`
	Owner    string    `json:"owner"`
	Reason   string    `json:"reason"`
	StoredAt time.Time `json:"stored_at"`
	Filename string    `json:"filename"`
}

func (h *Handlers) registerProfiles(api *web.API) {
	operator := access.Has(access.Operator)
	web.Register(api, op(http.MethodGet, "/profiles", "list-profiles", "List the profiles that instances have captured"), operator, h.listProfiles)
	web.Register(api, op(http.MethodGet, "/profiles/{id}", "get-profile", "Show a profile"), operator, h.showProfile)
	api.HandleOperation(profileOperation(), operator, http.HandlerFunc(h.profileData))
	web.Register(api, op(http.MethodDelete, "/profiles/{id}", "delete-profile", "Remove a profile"), operator, h.deleteProfile)
}

func profileOperation() huma.Operation {
	o := op(http.MethodGet, "/profiles/{id}/data", "download-profile", "Download a profile")
	o.Description = "What go tool pprof reads, or, of a trace, go tool trace."
	o.Parameters = []*huma.Param{{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}}
	o.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
		"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}}
	return o
}

// operated is what the caller may operate; profiles show the inside of a service.
func operated(ctx context.Context) logs.Scope {
	p, _ := access.From(ctx)
	services, all := p.Scope(access.Operator)
	return logs.Scope{All: all, Services: services}
}

type profilesIn struct {
	Service  string    `query:"service" maxLength:"256"`
	Instance string    `query:"instance" maxLength:"256"`
	Kind     string    `query:"kind" enum:"cpu,heap,goroutine,block,mutex,trace"`
	Lease    string    `query:"lease" maxLength:"256" doc:"those that this lease asked for"`
	From     time.Time `query:"from" doc:"those that are about a time after this"`
	Until    time.Time `query:"until" doc:"those that are about a time before this"`
	Limit    int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type profilesOut struct {
	Body struct {
		Profiles []Profile `json:"profiles" doc:"the newest first"`
	}
}

func (h *Handlers) listProfiles(ctx context.Context, in *profilesIn) (*profilesOut, error) {
	if in.Lease != "" && !isID(in.Lease) {
		return nil, invalid("lease", "the id of a lease")
	}
	all, err := h.settings.Profiles.Profiles(ctx, operated(ctx), profile.Filter{Service: in.Service, Instance: in.Instance, Kind: in.Kind,
		Lease: in.Lease, Since: in.From, Until: in.Until, Limit: in.Limit})
	if err != nil {
		return nil, h.failed(err)
	}
	out := &profilesOut{}
	out.Body.Profiles = make([]Profile, len(all))
	for i, p := range all {
		out.Body.Profiles[i] = showProfile(p)
	}
	return out, nil
}

func isID(text string) bool { return uuid.Validate(text) == nil && len(text) == 36 }

func showProfile(p profile.Profile) Profile {
	return Profile{ID: p.ID, LeaseID: p.LeaseID, Service: p.Service, Instance: p.Instance, Kind: p.Kind, From: p.From.UTC(), Until: p.Until.UTC(),
		Bytes: p.Size, Cut: p.Cut, Owner: p.OwnerName, Reason: p.Reason, StoredAt: p.StoredAt.UTC(), Filename: filename(p)}
}

func filename(p profile.Profile) string {
	ending := "pprof"
	if p.Kind == "trace" {
		ending = "trace"
	}
	return fmt.Sprintf("%s-%s-%s.%s", p.Instance, p.Kind, p.From.UTC().Format("20060102T150405Z"), ending)
}

type profileIn struct {
	ID string `path:"id"`
}

type profileOut struct{ Body Profile }

func (h *Handlers) showProfile(ctx context.Context, in *profileIn) (*profileOut, error) {
	p, err := h.profile(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &profileOut{showProfile(p)}, nil
}

// profile finds one that the caller may see; one that he may not does not exist for him.
func (h *Handlers) profile(ctx context.Context, id string) (p profile.Profile, err error) {
	unknown := problem.New(problem.NotFound, "no such profile")
	if !isID(id) {
		return p, unknown
	}
	p, err = h.settings.Profiles.Profile(ctx, id)
	caller, _ := access.From(ctx)
	switch {
	case errors.Is(err, profile.ErrUnknown), err == nil && !caller.Has(access.Operator, p.Service):
		return p, unknown
	case err != nil:
		return p, h.failed(err)
	}
	return p, nil
}

func (h *Handlers) deleteProfile(ctx context.Context, in *profileIn) (*struct{}, error) {
	p, err := h.profile(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	caller, _ := access.From(ctx)
	err = h.settings.Profiles.DeleteProfile(ctx, p.ID, caller.Subject, caller.Name)
	if errors.Is(err, profile.ErrUnknown) {
		return nil, problem.New(problem.NotFound, "no such profile") // somebody was faster
	}
	return nil, h.failed(err)
}

// profileData sends a profile chunk by chunk; it holds one of them, and a database connection only while it reads one.
func (h *Handlers) profileData(w http.ResponseWriter, r *http.Request) {
	p, err := h.profile(r.Context(), r.PathValue("id"))
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	data, err := h.settings.Profiles.ProfileChunk(r.Context(), p.ID, 0)
	if err == nil && len(data) == 0 {
		err = profile.ErrUnknown
	}
	if err != nil {
		problem.Write(w, r, h.failed(err))
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", filename(p)))
	w.Header().Set("Content-Length", strconv.FormatInt(p.Size, 10))
	w.Header().Set("Cache-Control", "no-store")
	out := &patient{w, http.NewResponseController(w)}
	for at := int64(0); len(data) > 0; {
		if _, err := out.Write(data); err != nil {
			return // whoever left has nobody to tell
		}
		if at += int64(len(data)); at == p.Size {
			return
		}
		if data, err = h.settings.Profiles.ProfileChunk(r.Context(), p.ID, at); err != nil {
			break
		}
	}
	panic(http.ErrAbortHandler) // the rest is missing: the client sees it by the length
}
