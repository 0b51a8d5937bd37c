package rpcapi

import (
	"context"

	"github.com/google/uuid"

	"github.com/signalbox-mesh/signalbox/services/catalogs/api"
	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/catalog"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// CreateRecord implements the contract.
func (s *Server) CreateRecord(ctx context.Context, r *api.CreateRecordRequest) (*api.CreateRecordResponse, error) {
	by, err := s.edits(ctx, r.GetType())
	if err != nil {
		return nil, err
	}
	id, err := uuid.Parse(r.GetId())
	if err != nil || id.Version() != 7 {
		return nil, invalid("id", "must be a UUID of version 7, made once for all attempts")
	}
	made, err := s.change.CreateRecordAs(ctx, by, r.GetType(), id.String(), r.GetData())
	if problem.CodeOf(err) == problem.Conflict {
		made, err = s.again(ctx, err, r.GetType(), id.String(), func(there catalog.Record) bool {
			return there.Stamp.CreatedBy == by && (there.Revision > 1 || catalog.SameData(there.Data, r.GetData()))
		})
	}
	if err != nil {
		return nil, err
	}
	return &api.CreateRecordResponse{Record: toRecord(made)}, nil
}

// UpdateRecord implements the contract.
func (s *Server) UpdateRecord(ctx context.Context, r *api.UpdateRecordRequest) (*api.UpdateRecordResponse, error) {
	by, err := s.edits(ctx, r.GetType())
	if err != nil {
		return nil, err
	}
	if r.GetRevision() < 1 {
		return nil, invalid("revision", "must be the revision that the change is based on, from 1")
	}
	changed, err := s.change.ChangeRecord(ctx, by, r.GetType(), r.GetId(), r.GetData(), r.GetRevision())
	if problem.CodeOf(err) == problem.Conflict {
		changed, err = s.again(ctx, err, r.GetType(), r.GetId(), func(there catalog.Record) bool {
			return there.Stamp.UpdatedBy == by && there.Revision == r.GetRevision()+1 && catalog.SameData(there.Data, r.GetData())
		})
	}
	if err != nil {
		return nil, err
	}
	return &api.UpdateRecordResponse{Record: toRecord(changed)}, nil
}

// edits is who changes a record of a type.
func (s *Server) edits(ctx context.Context, typ string) (by string, err error) {
	if by, err = s.by(ctx, access.Builder, access.Operator); err != nil {
		return "", err
	}
	if catalog.CheckName(typ) != nil {
		return "", catalog.NoType(typ)
	}
	return by, nil
}

// again answers a conflict that the caller's own first attempt makes, whose answer he did not get: with what that did.
func (s *Server) again(ctx context.Context, conflict error, typ, id string, done func(catalog.Record) bool) (catalog.Record, error) {
	there, err := s.read.Record(ctx, typ, id)
	switch {
	case problem.CodeOf(err) == problem.NotFound:
		return there, conflict // it is another type's
	case err != nil:
		return there, err
	case !done(there):
		return there, conflict
	}
	return there, nil
}
