package maintenance

import (
	"context"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// foreign lets programs in that are no services of the mesh: by a user token that holds the role sender, as
// `signalbox token logs` gets one. The receiver then looks at the token's scope.
type foreign struct{ verifier access.Verifier }

func (f foreign) admit(ctx context.Context, token string) (context.Context, error) {
	if token == "" {
		return ctx, problem.New(problem.Unauthorized, "a service token, or a token of the role sender, is needed")
	}
	p, err := f.verifier.Verify(ctx, token)
	if err != nil {
		return ctx, err
	}
	if !p.Has(access.Sender, "") {
		return ctx, problem.New(problem.Forbidden, "this needs the role sender")
	}
	return access.With(ctx, p), nil
}
