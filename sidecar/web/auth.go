package web

import (
	"net/http"
	"strings"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// authenticated verifies the user token, if there is one, and asks the rule. A token that does not
// hold is refused on public routes too: its sender believes to be somebody.
func (a *API) authenticated(rule access.Rule, next http.Handler) http.Handler {
	return http.HandlerFunc(func(base http.ResponseWriter, r *http.Request) {
		w := own(base)
		service, err := a.service(rule, r)
		var p access.Principal
		var found bool
		if err == nil {
			p, found, err = a.caller(r)
		}
		if err == nil {
			err = permit(rule, p, found)
		}
		ctx := a.matched(w, r, p)
		if err != nil {
			problem.Write(w, r, err)
			return
		}
		if service != "" {
			ctx = access.WithCaller(ctx, service)
		}
		if found {
			w.context.Set(p)
		}
		if ctx != r.Context() {
			// The pattern belongs to the request that the mux saw; a copy keeps it.
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(base, r)
	})
}

func (a *API) caller(r *http.Request) (p access.Principal, found bool, err error) {
	headers := r.Header["Authorization"]
	if len(headers) == 0 || a.settings.Verifier == nil {
		return p, false, nil
	}
	kind, token, _ := strings.Cut(headers[0], " ")
	if len(headers) > 1 || !strings.EqualFold(kind, "Bearer") || token == "" {
		return p, false, problem.New(problem.Unauthorized, "the Authorization header is not one bearer token")
	}
	p, err = a.settings.Verifier.Verify(r.Context(), strings.TrimSpace(token))
	return p, err == nil, err
}

func permit(rule access.Rule, p access.Principal, found bool) error {
	switch {
	case !rule.NeedsToken():
		return nil
	case !found:
		return problem.New(problem.Unauthorized, "this needs a user token")
	case !rule.Admits(p):
		return problem.New(problem.Forbidden, "this needs another role: "+rule.String())
	default:
		return nil
	}
}
