package identity

import (
	"context"
	"time"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/account"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/audit"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/keyring"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	identityv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/identity/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

const (
	adminName     = "admin"
	adminTokenTTL = 30 * 24 * time.Hour
)

// admins makes sure of the mesh's first administrator.
type admins interface {
	EnsureAdmin(ctx context.Context, name, by string) (account.User, error)
}

// keyServer is identity's private API.
type keyServer struct {
	identityv1.UnimplementedIdentityServiceServer
	ring   *keyring.Keyring
	admins admins
	trail  *audit.Trail

	senders revoked
}

// revoked knows the senders' tokens that were taken back.
type revoked interface {
	RevokedSenders(ctx context.Context) ([]string, error)
}

// RevokedSenders lists the subjects of tokens that are not to be taken any more.
func (k *keyServer) RevokedSenders(ctx context.Context, _ *identityv1.RevokedSendersRequest) (*identityv1.RevokedSendersResponse, error) {
	all, err := k.senders.RevokedSenders(ctx)
	if err != nil {
		return nil, problem.Status(err).Err()
	}
	return &identityv1.RevokedSendersResponse{Subjects: all}, nil
}

// Keys returns the public keys of user tokens.
func (k *keyServer) Keys(context.Context, *identityv1.KeysRequest) (*identityv1.KeysResponse, error) {
	set, err := k.ring.JWKS()
	if err != nil {
		return nil, problem.Status(err).Err()
	}
	return &identityv1.KeysResponse{Jwks: set}, nil
}

// IssueAdminToken gives the program that starts the mesh a token of the user admin, whom it makes an
// enabled administrator of everything first. The token cannot be taken back but by a new signing key.
func (k *keyServer) IssueAdminToken(ctx context.Context, _ *identityv1.IssueAdminTokenRequest) (*identityv1.IssueAdminTokenResponse, error) {
	by := "service:" + access.Caller(ctx)
	u, err := k.admins.EnsureAdmin(ctx, adminName, by)
	if err != nil {
		return nil, problem.Status(err).Err()
	}
	expires := time.Now().Add(adminTokenTTL)
	token, err := k.ring.Sign(u.Principal(), adminTokenTTL)
	if err != nil {
		return nil, problem.Status(err).Err()
	}
	k.trail.Record(ctx, audit.Entry{Action: "admin-token.issue", Outcome: audit.Done, Actor: by, Target: u.ID, Name: u.Name})
	return &identityv1.IssueAdminTokenResponse{Token: token, ExpiresUnix: expires.Unix()}, nil
}
