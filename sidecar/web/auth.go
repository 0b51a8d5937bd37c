package web

import (
	"net/http"

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
			err = rule.Permit(p, found)
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

// caller is the user, where there is somebody who can tell.
func (a *API) caller(r *http.Request) (access.Principal, bool, error) {
	if a.settings.Verifier == nil {
		return access.Principal{}, false, nil
	}
	return access.Identify(r, a.settings.Verifier)
}
