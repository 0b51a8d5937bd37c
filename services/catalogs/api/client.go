// Package api is what other services may ask of catalogs: its gRPC contract, and a client of it.
package api

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/google/uuid"
	"google.golang.org/grpc"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Service is the name under which catalogs is called.
const Service = "catalogs"

// Client asks catalogs. Its errors are *problem.Error. With a context of rpc.ForUser it acts for that user, else in the
// name of the calling service. Safe for concurrent use.
type Client struct{ rpc CatalogsServiceClient }

// New makes a client over the connection to Service.
func New(conn grpc.ClientConnInterface) *Client { return &Client{rpc: NewCatalogsServiceClient(conn)} }

// Type by its name.
func (c *Client) Type(ctx context.Context, name string) (*Type, error) {
	answer, err := c.rpc.GetType(ctx, &GetTypeRequest{Name: name})
	if err != nil {
		return nil, problem.FromStatus(err)
	}
	return answer.GetType(), nil
}

// Types are all data types by name, read page by page. An error ends them.
func (c *Client) Types(ctx context.Context) iter.Seq2[*Type, error] {
	return pages(func(token string) ([]*Type, string, error) {
		answer, err := c.rpc.ListTypes(ctx, &ListTypesRequest{PageToken: token})
		return answer.GetTypes(), answer.GetNextPageToken(), err
	})
}

// Record of a type.
func (c *Client) Record(ctx context.Context, typ, id string) (*Record, error) {
	answer, err := c.rpc.GetRecord(ctx, &GetRecordRequest{Type: typ, Id: id})
	if err != nil {
		return nil, problem.FromStatus(err)
	}
	return answer.GetRecord(), nil
}

// Records of a type, read page by page; filter and order are those of the REST API, and may be empty. An error ends them.
func (c *Client) Records(ctx context.Context, typ, filter, order string) iter.Seq2[*Record, error] {
	return pages(func(token string) ([]*Record, string, error) {
		answer, err := c.rpc.ListRecords(ctx, &ListRecordsRequest{Type: typ, Filter: filter, Order: order, PageToken: token})
		return answer.GetRecords(), answer.GetNextPageToken(), err
	})
}

// NewID is for a record that is to be made. Who makes it again after an answer that did not come uses the same.
func NewID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make a record id: %w", err)
	}
	return id.String(), nil
}

// CreateRecord with an id of NewID. It may be tried again.
func (c *Client) CreateRecord(ctx context.Context, typ, id string, data json.RawMessage) (*Record, error) {
	answer, err := c.rpc.CreateRecord(ctx, &CreateRecordRequest{Type: typ, Id: id, Data: data})
	if err != nil {
		return nil, problem.FromStatus(err)
	}
	return answer.GetRecord(), nil
}

// UpdateRecord replaces the data of a record that still has the revision. It may be tried again.
func (c *Client) UpdateRecord(ctx context.Context, typ, id string, data json.RawMessage, revision int64) (*Record, error) {
	answer, err := c.rpc.UpdateRecord(ctx, &UpdateRecordRequest{Type: typ, Id: id, Data: data, Revision: revision})
	if err != nil {
		return nil, problem.FromStatus(err)
	}
	return answer.GetRecord(), nil
}

// pages asks for one page after the other, as far as somebody listens.
func pages[T any](ask func(token string) ([]*T, string, error)) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for token := ""; ; {
			all, next, err := ask(token)
			if err != nil {
				yield(nil, problem.FromStatus(err))
				return
			}
			for _, one := range all {
				if !yield(one, nil) {
					return
				}
			}
			if token = next; token == "" {
				return
			}
		}
	}
}
