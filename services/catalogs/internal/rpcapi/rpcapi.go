// Package rpcapi is the private API of catalogs: what other services read and change, by its contract in
// services/catalogs/api.
package rpcapi

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/signalbox-mesh/signalbox/services/catalogs/api"
	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/catalog"
	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
)

// Changer changes records by the rules.
type Changer interface {
	CreateRecordAs(ctx context.Context, by, typ, id string, data json.RawMessage) (catalog.Record, error)
	ChangeRecord(ctx context.Context, by, typ, id string, data json.RawMessage, expected int64) (catalog.Record, error)
}

// Reader finds types and records.
type Reader interface {
	Type(ctx context.Context, name string) (catalog.Type, error)
	Types(ctx context.Context, after string, limit int) ([]catalog.Type, error)
	Record(ctx context.Context, typ, id string) (catalog.Record, error)
	List(ctx context.Context, q catalog.Query) ([]postgres.Placed, error)
}

// Server answers the contract. Safe for concurrent use.
type Server struct {
	api.UnimplementedCatalogsServiceServer
	change Changer
	read   Reader
	users  access.Verifier
}

// New makes a server; users verifies the tokens of those for whom services act.
func New(change Changer, read Reader, users access.Verifier) *Server {
	return &Server{change: change, read: read, users: users}
}

// maxMessage takes the largest record that the REST API takes, and what is around it.
const maxMessage = 2 << 20

// Register puts the server on the private port.
func (s *Server) Register(port *rpc.Server) error {
	return port.RegisterWith(&api.CatalogsService_ServiceDesc, s, rpc.Registration{Callers: callers(), MaxMessage: maxMessage})
}

// callers are the services that work with what app builders define, and those of them that change records.
func callers() map[string]rpc.Callers {
	editors := rpc.Callers{"connectors", "data-flow", "workflow"}
	readers := slices.Concat(editors, rpc.Callers{"billing", "notification", "template-service", "web-studio", "web-workplace"})
	return map[string]rpc.Callers{
		"GetType": readers, "ListTypes": readers, "GetRecord": readers, "ListRecords": readers,
		"CreateRecord": editors, "UpdateRecord": editors,
	}
}

// self is the scope that a user's grant must have.
const self = api.Service

// by is in whose name a call is made: the user's, who needs one of the roles, or the calling service's own.
func (s *Server) by(ctx context.Context, roles ...access.Role) (string, error) {
	p, found, err := rpc.User(ctx, s.users)
	if err != nil {
		return "", err
	}
	if !found {
		return "service:" + access.Caller(ctx), nil
	}
	for _, r := range roles {
		if p.Has(r, self) {
			return p.Subject, nil
		}
	}
	return "", problem.New(problem.Forbidden, fmt.Sprintf("the user needs one of the roles %v for %s", roles, self))
}

func (s *Server) reads(ctx context.Context) error {
	_, err := s.by(ctx, access.Viewer, access.Builder)
	return err
}

func invalid(field, detail string) error {
	return &problem.Error{Code: problem.Invalid, Detail: "the request is not valid", Fields: []problem.Field{{Name: field, Detail: detail}}}
}
