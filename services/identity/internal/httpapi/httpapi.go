// Package httpapi is identity's REST API.
package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/account"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/session"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/clientaddr"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

const (
	base = "/api/identity/v1"
	self = "identity" // the scope that administering users needs
)

// Sessions signs in and out.
type Sessions interface {
	SignIn(ctx context.Context, name, password string, from netip.Addr) (session.Tokens, error)
	Refresh(ctx context.Context, token string, from netip.Addr, leeway time.Duration) (session.Tokens, error)
	SignOut(ctx context.Context, token string, from netip.Addr) error
	SignOutEverywhere(ctx context.Context, p access.Principal, from netip.Addr) error
	NewCode(ctx context.Context, p access.Principal, from netip.Addr) (code string, expires time.Time, err error)
	Redeem(ctx context.Context, code string, from netip.Addr) (session.Tokens, error)
	Confirm(ctx context.Context, name, password string, from netip.Addr) error
}

// Users are administered.
type Users interface {
	Create(ctx context.Context, actor access.Principal, n account.NewUser) (account.User, error)
	Change(ctx context.Context, actor access.Principal, id string, p account.Patch) (account.User, error)
	SetGrants(ctx context.Context, actor access.Principal, id string, grants []access.Grant) (account.User, error)
	SetPassword(ctx context.Context, actor access.Principal, id, password string) error
	EndSessions(ctx context.Context, actor access.Principal, id string) error
}

// Reader finds users.
type Reader interface {
	User(ctx context.Context, id string) (account.User, error)
	Users(ctx context.Context, part, after string, limit int) ([]account.User, error)
}

// Settings of the API.
type Settings struct {
	Sessions Sessions
	Users    Users
	Reader   Reader
	JWKS     func() ([]byte, error)
	Signer   Signer
	Senders  Senders
	Trail    Trail
	Proxies  clientaddr.Policy // whose X-Forwarded-For names the client: the gateway's
}

type handlers struct{ Settings }

// Mount registers all routes.
func Mount(api *web.API, s Settings) {
	h := handlers{s}
	h.mountSessions(api)
	h.mountCodes(api)
	h.mountUsers(api)
	h.mountSenders(api)
	api.HandleOperation(jwksOperation(), access.Public(), http.HandlerFunc(h.jwks))
}

// jwksOperation describes the key set, whose media type is its own.
func jwksOperation() huma.Operation {
	o := operation("keys", http.MethodGet, "/jwks", "Keys that verify user tokens (JWKS)")
	o.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
		"application/jwk-set+json": {Schema: &huma.Schema{Type: huma.TypeObject}}}}}
	return o
}

func (h handlers) jwks(w http.ResponseWriter, r *http.Request) {
	set, err := h.JWKS()
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(set)
}

func (h handlers) client(o Origin) netip.Addr {
	return h.Proxies.Of(o.origin.remote, o.origin.forwarded)
}

// administrator is the caller, if he administers users.
func administrator(ctx context.Context) (access.Principal, error) {
	p, _ := access.From(ctx)
	if !p.Has(access.Admin, self) {
		return p, problem.New(problem.Forbidden, "this needs the role admin for identity")
	}
	return p, nil
}

func operation(id, method, path, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: base + path, Summary: summary, MaxBodyBytes: 16 << 10}
}

func emptyScope(i int) error {
	return &problem.Error{Code: problem.Invalid, Detail: "the grants are not acceptable", Fields: []problem.Field{{
		Name: fmt.Sprintf("/grants/%d/services", i), Detail: "must name at least one service; leave it out for all services"}}}
}
