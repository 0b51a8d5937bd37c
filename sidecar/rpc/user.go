package rpc

import (
	"context"

	"google.golang.org/grpc/metadata"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// UserMetadata carries the token of the user for whom a service acts. The service's own is in authorization.
const UserMetadata = "signalbox-user-token"

// ForUser is for calls that a service makes for the user of the token.
func ForUser(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, UserMetadata, token)
}

// User is for whom a call is made; found is false where the service calls in its own name. A token that does not hold is
// an error, and so are two.
func User(ctx context.Context, v access.Verifier) (p access.Principal, found bool, err error) {
	md, _ := metadata.FromIncomingContext(ctx)
	tokens := md.Get(UserMetadata)
	switch {
	case len(tokens) == 0:
		return p, false, nil
	case len(tokens) > 1 || tokens[0] == "":
		return p, false, problem.New(problem.Unauthorized, "the metadata "+UserMetadata+" is not one user token")
	}
	p, err = v.Verify(ctx, tokens[0])
	return p, err == nil, err
}
