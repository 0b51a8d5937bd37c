// Package httpapi is the REST API of catalogs.
package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/catalog"
	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

const (
	base = "/api/catalogs/v1"
	self = "catalogs" // the scope that a grant must have
)

// Changer changes types and records by the rules.
type Changer interface {
	CreateType(ctx context.Context, by, name, title string, schema json.RawMessage) (catalog.Type, error)
	ChangeType(ctx context.Context, by, name, title string, schema json.RawMessage, expected int64) (catalog.Type, error)
	DeleteType(ctx context.Context, by, name string, expected int64) error
	CreateRecord(ctx context.Context, by, typ string, data json.RawMessage) (catalog.Record, error)
	ChangeRecord(ctx context.Context, by, typ, id string, data json.RawMessage, expected int64) (catalog.Record, error)
	DeleteRecord(ctx context.Context, by, typ, id string, expected int64) error
}

// Reader finds types and records.
type Reader interface {
	Type(ctx context.Context, name string) (catalog.Type, error)
	Types(ctx context.Context, after string, limit int) ([]catalog.Type, error)
	Record(ctx context.Context, typ, id string) (catalog.Record, error)
	List(ctx context.Context, q catalog.Query) ([]postgres.Placed, error)
}

type handlers struct {
	change Changer
	read   Reader
}

// Mount registers all routes.
func Mount(api *web.API, change Changer, read Reader) {
	h := handlers{change: change, read: read}
	h.mountTypes(api)
	h.mountRecords(api)
}

func operation(id, method, path, summary string, status int) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: base + path, Summary: summary, DefaultStatus: status, Tags: []string{self}}
}

// The rules of access: whoever works with the catalog reads it; types are built; records are built or operated.
// No single route rule says "one of these roles", so routes ask for a valid token and handlers for the role.
func readers() []access.Role { return []access.Role{access.Viewer, access.Builder} }
func editors() []access.Role { return []access.Role{access.Builder, access.Operator} }

// allow returns the caller if he holds one of the roles for catalogs.
func allow(ctx context.Context, roles []access.Role) (access.Principal, error) {
	p, ok := access.From(ctx)
	if !ok {
		return p, problem.New(problem.Unauthorized, "a user token is needed")
	}
	for _, r := range roles {
		if p.Has(r, self) {
			return p, nil
		}
	}
	return p, problem.New(problem.Forbidden, fmt.Sprintf("one of the roles %v is needed for %s", roles, self))
}

// Expected is the version that a change is based on.
type Expected struct {
	IfMatch string `header:"If-Match" maxLength:"64" doc:"ETag that the change is based on; another present version is refused with 412. Left out: the change is made whatever is there"`
}

// neverMatches is what an ETag that is none of ours stands for.
const neverMatches = -1

func (e Expected) version() (int64, error) {
	tag := strings.TrimSpace(e.IfMatch)
	if tag == "" || tag == "*" {
		return catalog.AnyVersion, nil
	}
	inner, ok := strings.CutPrefix(strings.TrimPrefix(tag, "W/"), `"`)
	if ok {
		inner, ok = strings.CutSuffix(inner, `"`)
	}
	if !ok || strings.Contains(inner, `"`) {
		return 0, &problem.Error{Code: problem.Invalid, Detail: "the request is not valid",
			Fields: []problem.Field{{Name: "If-Match", Detail: `must be one ETag, like "3", or *`}}}
	}
	n, err := strconv.ParseInt(inner, 10, 64)
	if err != nil || n < 1 || strings.HasPrefix(tag, "W/") {
		return neverMatches, nil
	}
	return n, nil
}

func etag(version int64) string { return strconv.Quote(strconv.FormatInt(version, 10)) }
