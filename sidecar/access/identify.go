package access

import (
	"context"
	"net/http"
	"strings"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Verifier checks a user token (a JWT, algorithm allow-list EdDSA) and returns its principal.
// Errors are *problem.Error with code unauthorized, or unavailable while no key could be fetched yet.
type Verifier interface {
	Verify(ctx context.Context, token string) (Principal, error)
}

// Identify is the user whose token a request has; found is false where it has none. A token that does not hold is an error
// on every route: its sender believes to be somebody.
func Identify(r *http.Request, v Verifier) (p Principal, found bool, err error) {
	headers := r.Header["Authorization"]
	if len(headers) == 0 {
		return p, false, nil
	}
	kind, token, _ := strings.Cut(headers[0], " ")
	if len(headers) > 1 || !strings.EqualFold(kind, "Bearer") || token == "" {
		return p, false, problem.New(problem.Unauthorized, "the Authorization header is not one bearer token")
	}
	p, err = v.Verify(r.Context(), strings.TrimSpace(token))
	return p, err == nil, err
}

// Permit is Admits in words: nil, or a *problem.Error that says what is missing. found says whether there is a principal.
func (r Rule) Permit(p Principal, found bool) error {
	switch {
	case !r.NeedsToken():
		return nil
	case !found:
		return problem.New(problem.Unauthorized, "this needs a user token")
	case !r.Admits(p):
		return problem.New(problem.Forbidden, "this needs another role: "+r.String())
	default:
		return nil
	}
}
