package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/catalog"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

// DataType as the API shows it.
type DataType struct {
	Name      string          `json:"name"`
	Title     string          `json:"title"`
	Schema    json.RawMessage `json:"schema" doc:"JSON Schema 2020-12 of a record's data"`
	Version   int64           `json:"version" doc:"Higher with every change"`
	CreatedAt time.Time       `json:"created_at"`
	UpdatedAt time.Time       `json:"updated_at"`
	CreatedBy string          `json:"created_by" doc:"User id"`
	UpdatedBy string          `json:"updated_by" doc:"User id"`
}

// DataTypePage is one page of a list.
type DataTypePage struct {
	Items []DataType `json:"items" nullable:"false"`
	Next  string     `json:"next,omitempty" doc:"Pass as page to get the next page; left out on the last one"`
}

// TypePath is the type that a path names; exported so that huma looks into it.
type TypePath struct {
	Type string `path:"type" maxLength:"63"`
}

// TypeBody is what of a type can be changed.
type TypeBody struct {
	Title  string          `json:"title,omitempty" maxLength:"200" doc:"For people"`
	Schema json.RawMessage `json:"schema" doc:"JSON Schema 2020-12, an object of at most 64 KiB, without references to other documents"`
}

type createTypeInput struct {
	Body struct {
		Name   string          `json:"name" maxLength:"63" doc:"Its identity, for ever: a-z, 0-9, - and _, a letter first"`
		Title  string          `json:"title,omitempty" maxLength:"200" doc:"For people"`
		Schema json.RawMessage `json:"schema" doc:"JSON Schema 2020-12, an object of at most 64 KiB, without references to other documents"`
	}
}

type changeTypeInput struct {
	TypePath
	Expected
	Body TypeBody
}

type deleteTypeInput struct {
	TypePath
	Expected
}

type listTypesInput struct {
	Limit int    `query:"limit" default:"50" minimum:"1" maximum:"200"`
	Page  string `query:"page" maxLength:"128" doc:"next of the page before"`
}

type typeOutput struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     DataType
}

type typesOutput struct{ Body DataTypePage }

func (h handlers) mountTypes(api *web.API) {
	rule := access.Any(access.Viewer, access.Builder)
	web.Register(api, operation("list-types", http.MethodGet, "/types", "List types by name", 200), rule, h.listTypes)
	web.Register(api, operation("create-type", http.MethodPost, "/types", "Create a type", 201), access.Has(access.Builder), h.createType)
	web.Register(api, operation("get-type", http.MethodGet, "/types/{type}", "One type", 200), rule, h.getType)
	web.Register(api, operation("change-type", http.MethodPut, "/types/{type}", "Replace title and schema; records are checked when they change next", 200),
		access.Has(access.Builder), h.changeType)
	web.Register(api, operation("delete-type", http.MethodDelete, "/types/{type}", "Delete a type that has no records", 204),
		access.Has(access.Builder), h.deleteType)
}

func builders() []access.Role { return []access.Role{access.Builder} }

func (h handlers) listTypes(ctx context.Context, in *listTypesInput) (*typesOutput, error) {
	if _, err := allow(ctx, readers()); err != nil {
		return nil, err
	}
	after, err := base64.RawURLEncoding.DecodeString(in.Page)
	if err != nil || in.Page != "" && catalog.CheckName(string(after)) != nil {
		return nil, &problem.Error{Code: problem.Invalid, Detail: "the request is not valid",
			Fields: []problem.Field{{Name: "page", Detail: "must be next of the page before"}}}
	}
	types, err := h.read.Types(ctx, string(after), in.Limit+1)
	if err != nil {
		return nil, err
	}
	return typesPage(types, in.Limit), nil
}

func typesPage(types []catalog.Type, limit int) *typesOutput {
	out := &typesOutput{Body: DataTypePage{Items: []DataType{}}}
	if len(types) > limit {
		types = types[:limit]
		out.Body.Next = base64.RawURLEncoding.EncodeToString([]byte(types[limit-1].Name))
	}
	for _, t := range types {
		out.Body.Items = append(out.Body.Items, toType(t))
	}
	return out
}

func (h handlers) createType(ctx context.Context, in *createTypeInput) (*typeOutput, error) {
	p, err := allow(ctx, builders())
	if err != nil {
		return nil, err
	}
	t, err := h.change.CreateType(ctx, p.Subject, in.Body.Name, in.Body.Title, in.Body.Schema)
	return typeAnswer(t, err, true)
}

func (h handlers) getType(ctx context.Context, in *TypePath) (*typeOutput, error) {
	if _, err := allow(ctx, readers()); err != nil {
		return nil, err
	}
	if catalog.CheckName(in.Type) != nil {
		return nil, catalog.NoType(in.Type)
	}
	t, err := h.read.Type(ctx, in.Type)
	return typeAnswer(t, err, false)
}

func (h handlers) changeType(ctx context.Context, in *changeTypeInput) (*typeOutput, error) {
	p, expected, err := in.begin(ctx, in.Expected, builders())
	if err != nil {
		return nil, err
	}
	t, err := h.change.ChangeType(ctx, p.Subject, in.Type, in.Body.Title, in.Body.Schema, expected)
	return typeAnswer(t, err, false)
}

func (h handlers) deleteType(ctx context.Context, in *deleteTypeInput) (*struct{}, error) {
	p, expected, err := in.begin(ctx, in.Expected, builders())
	if err != nil {
		return nil, err
	}
	return nil, h.change.DeleteType(ctx, p.Subject, in.Type, expected)
}

// begin is what every change under a type does first.
func (t TypePath) begin(ctx context.Context, e Expected, roles []access.Role) (p access.Principal, expected int64, err error) {
	if p, err = allow(ctx, roles); err != nil {
		return p, 0, err
	}
	if catalog.CheckName(t.Type) != nil {
		return p, 0, catalog.NoType(t.Type)
	}
	expected, err = e.version()
	return p, expected, err
}

func typeAnswer(t catalog.Type, err error, created bool) (*typeOutput, error) {
	if err != nil {
		return nil, err
	}
	out := &typeOutput{ETag: etag(t.Version), Body: toType(t)}
	if created {
		out.Location = base + "/types/" + t.Name
	}
	return out, nil
}

func toType(t catalog.Type) DataType {
	return DataType{
		Name: t.Name, Title: t.Title, Schema: t.Schema, Version: t.Version,
		CreatedAt: t.Stamp.CreatedAt.UTC(), UpdatedAt: t.Stamp.UpdatedAt.UTC(), CreatedBy: t.Stamp.CreatedBy, UpdatedBy: t.Stamp.UpdatedBy,
	}
}
