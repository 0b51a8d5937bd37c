package access

import (
	"context"
	"slices"
	"strings"
)

// gateway passes on what comes from outside. Its token says that, and never who asks: a rule for services that it met
// would be open to everybody.
const gateway = "gateway"

const anyService = "any"

// Services admits the named services, by their service token; the user, if there is one, is looked at and not asked
// for. Without a name it is the zero Rule, with which no route starts; naming the gateway panics.
func Services(names ...string) Rule {
	if slices.Contains(names, gateway) || slices.Contains(names, "") {
		panic("access: a rule for services names the gateway, which lets the outside in, or nobody")
	}
	if len(names) == 0 {
		return Rule{}
	}
	sorted := slices.Sorted(slices.Values(names))
	return Rule{kind: service, services: strings.Join(slices.Compact(sorted), " or ")}
}

// AnyService admits every service of the trust bundle but the gateway.
func AnyService() Rule { return Rule{kind: service, services: anyService} }

// For is a rule for services that act for a user: both have to be admitted, the service by r and the user by user.
// It panics where r is no rule for services, or user is one.
func (r Rule) For(user Rule) Rule {
	if r.kind != service || user.services != "" || user.kind == nobody {
		panic("access: For joins a rule for services with a rule for users, not " + r.String() + " with " + user.String())
	}
	user.services = r.services
	return user
}

// NeedsService reports whether a caller without a service token is refused.
func (r Rule) NeedsService() bool { return r.services != "" }

// AdmitsService reports whether a verified service may pass, as far as the service is asked for.
func (r Rule) AdmitsService(name string) bool {
	switch {
	case r.services == "":
		return true
	case name == "" || name == gateway:
		return false
	default:
		return r.services == anyService || slices.Contains(strings.Split(r.services, " or "), name)
	}
}

func (r Rule) service() string { return "service:" + r.services }

type callerKey struct{}

// WithCaller puts the verified calling service into the context.
func WithCaller(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, callerKey{}, name)
}

// Caller is the verified name of the calling service: of a gRPC call, and of a request to a route whose rule asks for it;
// else "", as for a foreign sender.
func Caller(ctx context.Context) string {
	name, _ := ctx.Value(callerKey{}).(string)
	return name
}
