package rpcapi

import (
	"context"
	"encoding/base64"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signalbox-mesh/signalbox/services/catalogs/api"
	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/catalog"
)

// pageBytes is what a page holds, in bytes of data, before it ends early: the largest message is 16 MiB.
const pageBytes = 4 << 20

// GetType implements the contract.
func (s *Server) GetType(ctx context.Context, r *api.GetTypeRequest) (*api.GetTypeResponse, error) {
	if err := s.reads(ctx); err != nil {
		return nil, err
	}
	if catalog.CheckName(r.GetName()) != nil {
		return nil, catalog.NoType(r.GetName())
	}
	t, err := s.read.Type(ctx, r.GetName())
	if err != nil {
		return nil, err
	}
	return &api.GetTypeResponse{Type: toType(t)}, nil
}

// ListTypes implements the contract.
func (s *Server) ListTypes(ctx context.Context, r *api.ListTypesRequest) (*api.ListTypesResponse, error) {
	if err := s.reads(ctx); err != nil {
		return nil, err
	}
	size, err := pageSize(r.GetPageSize())
	if err != nil {
		return nil, err
	}
	after, err := base64.RawURLEncoding.DecodeString(r.GetPageToken())
	if err != nil || r.GetPageToken() != "" && catalog.CheckName(string(after)) != nil {
		return nil, invalid("page_token", "must be the next_page_token of the page before")
	}
	found, err := s.read.Types(ctx, string(after), size+1)
	if err != nil {
		return nil, err
	}
	out := &api.ListTypesResponse{}
	for room, i := pageBytes, 0; i < len(found) && i < size && room > 0; i++ {
		out.Types = append(out.Types, toType(found[i]))
		room -= len(found[i].Schema)
	}
	if n := len(out.GetTypes()); n < len(found) {
		out.NextPageToken = base64.RawURLEncoding.EncodeToString([]byte(found[n-1].Name))
	}
	return out, nil
}

// GetRecord implements the contract.
func (s *Server) GetRecord(ctx context.Context, r *api.GetRecordRequest) (*api.GetRecordResponse, error) {
	if err := s.reads(ctx); err != nil {
		return nil, err
	}
	if catalog.CheckName(r.GetType()) != nil {
		return nil, catalog.NoType(r.GetType())
	}
	found, err := s.read.Record(ctx, r.GetType(), r.GetId())
	if err != nil {
		return nil, err
	}
	return &api.GetRecordResponse{Record: toRecord(found)}, nil
}

// ListRecords implements the contract.
func (s *Server) ListRecords(ctx context.Context, r *api.ListRecordsRequest) (*api.ListRecordsResponse, error) {
	if err := s.reads(ctx); err != nil {
		return nil, err
	}
	if catalog.CheckName(r.GetType()) != nil {
		return nil, catalog.NoType(r.GetType())
	}
	size, err := pageSize(r.GetPageSize())
	if err != nil {
		return nil, err
	}
	q, err := catalog.ParseQuery(r.GetType(), r.GetFilter(), r.GetOrder(), size, r.GetPageToken())
	if err != nil {
		return nil, err
	}
	q.Limit++ // one more tells whether there is a next page
	found, err := s.read.List(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &api.ListRecordsResponse{}
	for room, i := pageBytes, 0; i < len(found) && i < size && room > 0; i++ {
		out.Records = append(out.Records, toRecord(found[i].Record))
		room -= len(found[i].Data)
	}
	if n := len(out.GetRecords()); n < len(found) {
		out.NextPageToken, err = q.Page(found[n-1].Position)
	}
	return out, err
}

func pageSize(asked int32) (int, error) {
	switch {
	case asked == 0:
		return catalog.DefaultLimit, nil
	case asked < 0 || asked > catalog.MaxLimit:
		return 0, invalid("page_size", "must be between 1 and 200, or 0 for 50")
	}
	return int(asked), nil
}

func toType(t catalog.Type) *api.Type {
	return &api.Type{Name: t.Name, Title: t.Title, Schema: t.Schema, Version: t.Version, Stamp: toStamp(t.Stamp)}
}

func toRecord(r catalog.Record) *api.Record {
	return &api.Record{Id: r.ID, Type: r.Type, Data: r.Data, Revision: r.Revision, SchemaVersion: r.Schema, Stamp: toStamp(r.Stamp)}
}

func toStamp(s catalog.Stamp) *api.Stamp {
	return &api.Stamp{CreatedAt: timestamppb.New(s.CreatedAt), UpdatedAt: timestamppb.New(s.UpdatedAt), CreatedBy: s.CreatedBy, UpdatedBy: s.UpdatedBy}
}
