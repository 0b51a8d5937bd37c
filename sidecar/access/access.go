// Package access says who may call a route, and carries the caller through the context.
// Every route is registered with a Rule; there is no way to register one without.
package access

import (
	"context"
	"slices"
	"time"
)

// Role is what a user may do. Admin implies every other; Operator implies Viewer.
type Role string

// The platform's roles.
const (
	Viewer   Role = "viewer"
	Operator Role = "operator"
	Admin    Role = "admin"
	Builder  Role = "builder"

	// Sender may send log records as the services of its scope, and nothing else: the role of a token that is
	// given to a program that is no service of the mesh.
	Sender Role = "sender"
)

// Grant is a role with its scope. No Services means all of them.
type Grant struct {
	Role     Role     `json:"role"`
	Services []string `json:"services,omitempty"`
}

// Principal is the verified caller of a route.
type Principal struct {
	Subject string  `json:"sub"`  // user id
	Name    string  `json:"name"` // sign-in name
	Grants  []Grant `json:"grants"`
	Tenant  string  `json:"tenant,omitempty"` // "": who signed the token knows none

	// Until is when the token that says all this is no longer believed; zero: not known. What outlasts a request, as a
	// stream does, ends by then.
	Until time.Time `json:"-"`
}

// Has reports whether the principal holds role (or one that implies it) for service.
// An empty service asks for the role with any scope.
func (p Principal) Has(role Role, service string) bool {
	for _, g := range p.Grants {
		if g.Role.implies(role) && (service == "" || len(g.Services) == 0 || slices.Contains(g.Services, service)) {
			return true
		}
	}
	return false
}

// Scope returns the services for which the principal holds role; all is true when there is no bound.
func (p Principal) Scope(role Role) (services []string, all bool) {
	for _, g := range p.Grants {
		if !g.Role.implies(role) {
			continue
		}
		if len(g.Services) == 0 {
			return nil, true
		}
		services = append(services, g.Services...)
	}
	slices.Sort(services)
	return slices.Compact(services), false
}

func (r Role) implies(other Role) bool {
	return r == other || r == Admin || (r == Operator && other == Viewer)
}

// Rule says who may call a route. The zero Rule admits nobody; use one of the constructors.
type Rule struct {
	kind     kind
	role, or Role   // or "": only role
	services string // that may call, as Services has them; "": the rule does not ask which service calls
}

type kind uint8

const (
	nobody kind = iota
	public
	signedIn
	byRole
	service // without a user
)

// Public admits everybody, with or without a token.
func Public() Rule { return Rule{kind: public} }

// SignedIn admits every caller with a valid user token.
func SignedIn() Rule { return Rule{kind: signedIn} }

// Has admits callers that hold role, whatever its scope; the handler narrows by scope.
func Has(role Role) Rule { return Rule{kind: byRole, role: role} }

// Any admits callers that hold one of two roles, whatever its scope; the handler narrows by scope.
func Any(role, or Role) Rule { return Rule{kind: byRole, role: role, or: or} }

// String is the rule in words, for the OpenAPI document and the audit: "public", "signed-in", "role:viewer",
// "role:builder or operator", "service:workflow", "service:any for role:viewer", "nobody".
func (r Rule) String() string {
	if r.services == "" {
		return r.user()
	}
	if r.kind == service {
		return r.service()
	}
	return r.service() + " for " + r.user()
}

func (r Rule) user() string {
	switch r.kind {
	case public:
		return "public"
	case signedIn:
		return "signed-in"
	case byRole:
		if r.or != "" {
			return "role:" + string(r.role) + " or " + string(r.or)
		}
		return "role:" + string(r.role)
	default:
		return "nobody"
	}
}

// NeedsToken reports whether a caller without a user token is refused.
func (r Rule) NeedsToken() bool { return r.kind != public && r.kind != service }

// Admits reports whether a verified principal may pass, as far as the user is asked for.
func (r Rule) Admits(p Principal) bool {
	switch r.kind {
	case public, signedIn, service:
		return true
	case byRole:
		return p.Has(r.role, "") || (r.or != "" && p.Has(r.or, ""))
	default:
		return false
	}
}

type ctxKey struct{}

// With puts the principal into the context.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, ctxKey{}, p)
}

// Context is a context with room for a principal that becomes known after it was made: it is a part of what its owner keeps
// of a request, and spares the request a copy. Set comes before anybody else has the context.
type Context struct {
	context.Context //nolint:containedctx // it is one
	caller          Principal
	known           bool
}

// Set makes p the principal.
func (c *Context) Set(p Principal) { c.caller, c.known = p, true }

// Caller is who was set; nobody before.
func (c *Context) Caller() Principal { return c.caller }

// Value implements context.Context.
func (c *Context) Value(key any) any {
	if _, ours := key.(ctxKey); ours && c.known {
		return &c.caller
	}
	return c.Context.Value(key)
}

// From takes the principal out of the context; false on a public route called without a token.
func From(ctx context.Context) (Principal, bool) {
	switch p := ctx.Value(ctxKey{}).(type) {
	case Principal:
		return p, true
	case *Principal:
		return *p, true
	default:
		return Principal{}, false
	}
}
