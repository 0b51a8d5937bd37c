package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/catalog"
	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

// Record as the API shows it.
type Record struct {
	ID            string          `json:"id" format:"uuid"`
	Type          string          `json:"type"`
	Data          json.RawMessage `json:"data"`
	Revision      int64           `json:"revision" doc:"Higher with every change"`
	SchemaVersion int64           `json:"schema_version" doc:"Version of the type that data was checked against"`
	CreatedAt     time.Time       `json:"created_at"`
	UpdatedAt     time.Time       `json:"updated_at"`
	CreatedBy     string          `json:"created_by" doc:"User id"`
	UpdatedBy     string          `json:"updated_by" doc:"User id"`
}

// RecordPage is one page of a list.
type RecordPage struct {
	Items []Record `json:"items" nullable:"false"`
	Next  string   `json:"next,omitempty" doc:"Pass as page, with the same filter and order, to get the next page; left out on the last one"`
}

// RecordPath is the record that a path names; exported so that huma looks into it.
type RecordPath struct {
	TypePath
	ID string `path:"id" maxLength:"64"`
}

// RecordBody is what of a record can be changed.
type RecordBody struct {
	Data json.RawMessage `json:"data" doc:"An object that fits the type's schema"`
}

type createRecordInput struct {
	TypePath
	Body RecordBody
}

type changeRecordInput struct {
	RecordPath
	Expected
	Body RecordBody
}

type deleteRecordInput struct {
	RecordPath
	Expected
}

type listRecordsInput struct {
	TypePath
	Filter string `query:"filter" maxLength:"2048" doc:"Conditions joined by and: price>=10 and price<20 and name^=\"Blue\" and @created_at>2026-01-01T00:00:00Z. Operators = != < <= > >= ^= (begins with)" example:"price<20 and in_stock=true"`
	Order  string `query:"order" maxLength:"512" doc:"field asc or field desc; by default in the order of creation" example:"price desc"`
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"200"`
	Page   string `query:"page" maxLength:"4096" doc:"next of the page before"`
}

type recordOutput struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     Record
}

type recordsOutput struct{ Body RecordPage }

func (h handlers) mountRecords(api *web.API) {
	const all, one = "/types/{type}/records", "/types/{type}/records/{id}"
	read, write := access.Any(access.Viewer, access.Builder), access.Any(access.Builder, access.Operator)
	web.Register(api, operation("list-records", http.MethodGet, all, "Search a type's records", 200), read, h.listRecords)
	web.Register(api, operation("create-record", http.MethodPost, all, "Create a record", 201), write, h.createRecord)
	web.Register(api, operation("get-record", http.MethodGet, one, "One record", 200), read, h.getRecord)
	web.Register(api, operation("change-record", http.MethodPut, one, "Replace a record's data", 200), write, h.changeRecord)
	web.Register(api, operation("delete-record", http.MethodDelete, one, "Delete a record for good", 204), write, h.deleteRecord)
}

func (h handlers) listRecords(ctx context.Context, in *listRecordsInput) (*recordsOutput, error) {
	if _, err := allow(ctx, readers()); err != nil {
		return nil, err
	}
	if catalog.CheckName(in.Type) != nil {
		return nil, catalog.NoType(in.Type)
	}
	q, err := catalog.ParseQuery(in.Type, in.Filter, in.Order, in.Limit, in.Page)
	if err != nil {
		return nil, err
	}
	q.Limit++ // one more tells whether there is a next page
	found, err := h.read.List(ctx, q)
	if err != nil {
		return nil, err
	}
	return recordsPage(q, found, in.Limit)
}

func recordsPage(q catalog.Query, found []postgres.Placed, limit int) (_ *recordsOutput, err error) {
	out := &recordsOutput{Body: RecordPage{Items: []Record{}}}
	if len(found) > limit {
		found = found[:limit]
		if out.Body.Next, err = q.Page(found[limit-1].Position); err != nil {
			return nil, err
		}
	}
	for _, r := range found {
		out.Body.Items = append(out.Body.Items, toRecord(r.Record))
	}
	return out, nil
}

func (h handlers) createRecord(ctx context.Context, in *createRecordInput) (*recordOutput, error) {
	p, _, err := in.begin(ctx, Expected{}, editors())
	if err != nil {
		return nil, err
	}
	r, err := h.change.CreateRecord(ctx, p.Subject, in.Type, in.Body.Data)
	return recordAnswer(r, err, true)
}

func (h handlers) getRecord(ctx context.Context, in *RecordPath) (*recordOutput, error) {
	if _, err := allow(ctx, readers()); err != nil {
		return nil, err
	}
	r, err := h.read.Record(ctx, in.Type, in.ID)
	return recordAnswer(r, err, false)
}

func (h handlers) changeRecord(ctx context.Context, in *changeRecordInput) (*recordOutput, error) {
	p, expected, err := in.begin(ctx, in.Expected, editors())
	if err != nil {
		return nil, err
	}
	r, err := h.change.ChangeRecord(ctx, p.Subject, in.Type, in.ID, in.Body.Data, expected)
	return recordAnswer(r, err, false)
}

func (h handlers) deleteRecord(ctx context.Context, in *deleteRecordInput) (*struct{}, error) {
	p, expected, err := in.begin(ctx, in.Expected, editors())
	if err != nil {
		return nil, err
	}
	return nil, h.change.DeleteRecord(ctx, p.Subject, in.Type, in.ID, expected)
}

func recordAnswer(r catalog.Record, err error, created bool) (*recordOutput, error) {
	if err != nil {
		return nil, err
	}
	out := &recordOutput{ETag: etag(r.Revision), Body: toRecord(r)}
	if created {
		out.Location = base + "/types/" + r.Type + "/records/" + r.ID
	}
	return out, nil
}

func toRecord(r catalog.Record) Record {
	return Record{
		ID: r.ID, Type: r.Type, Data: r.Data, Revision: r.Revision, SchemaVersion: r.Schema,
		CreatedAt: r.Stamp.CreatedAt.UTC(), UpdatedAt: r.Stamp.UpdatedAt.UTC(), CreatedBy: r.Stamp.CreatedBy, UpdatedBy: r.Stamp.UpdatedBy,
	}
}
