// Package house is the table of the services in this binary: what `up`, `run`, `migrate` and the generated documents
// go through. Adding a service is one row here.
package house

import (
	"context"
	"fmt"
	"slices"

	"github.com/signalbox-mesh/signalbox/services/catalogs"
	"github.com/signalbox-mesh/signalbox/services/gateway"
	"github.com/signalbox-mesh/signalbox/services/identity"
	"github.com/signalbox-mesh/signalbox/services/scheduler"
	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
	webstudio "github.com/signalbox-mesh/signalbox/services/web-studio"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

// Service is what every row's constructor returns.
type Service interface {
	Run(ctx context.Context) error
	Stop(ctx context.Context) error
	PublicAddr() string  // REST API
	PrivateAddr() string // gRPC
	OpsAddr() string     // /metrics, /hc, /liveness
	Instance() string
	Migrate(ctx context.Context) ([]string, error)
	Verbose(by string) // DEBUG for a quarter of an hour
	Quiet(by string)   // the end of that
}

// Entry is one service.
type Entry struct {
	Name    string
	About   string   // one line, for --help and the README's table
	Schemas []Schema // what it keeps in PostgreSQL
	Config  func() any
	New     func(ctx context.Context, environ []string, set sidecar.Settings) (Service, error)
}

// Schema is one of a service's schemas, and the settings by which it is told its URLs.
type Schema struct {
	Name     string
	URL      string // setting of the working role's URL, without SIGNALBOX_<SERVICE>_
	OwnerURL string
	Reader   string // role that may only SELECT; "": none
}

// Entries lists the services in the order in which they start; they stop in reverse. view-service is first, since it
// takes everybody's log lines, and the gateway last, since it lets the outside in.
func Entries() []Entry {
	return []Entry{
		entry("view-service", "log store, leases, fleet and audit (schema maintenance); saved views", []Schema{
			own("view_service"),
			{Name: "maintenance", URL: "LOGS_POSTGRES_URL", OwnerURL: "LOGS_POSTGRES_OWNER_URL", Reader: "maintenance_reader"},
		}, viewservice.New),
		entry("identity", "users, roles, sign-in, tokens", []Schema{own("identity")}, identity.New),
		entry("scheduler", "every timed event of the platform, and its fire ledger", []Schema{own("scheduler")}, scheduler.New),
		entry("catalogs", "data types and their records", []Schema{own("catalogs")}, catalogs.New),
		entry("web-studio", "the studio: pages on which people operate the mesh", nil, webstudio.New),
		entry("gateway", "the way in: routes, tokens, limits, merged OpenAPI", nil, gateway.New),
	}
}

// Names of all services, in starting order.
func Names() []string {
	var names []string
	for _, e := range Entries() {
		names = append(names, e.Name)
	}
	return names
}

// Variables lists every SIGNALBOX_* that some part of the binary reads, for settings.Unknown.
func Variables() []string {
	known := []string{"SIGNALBOX_STATE", "SIGNALBOX_URL", "SIGNALBOX_TOKEN", "SIGNALBOX_CONTEXT", "SIGNALBOX_GUARD", "SIGNALBOX_POSTGRES_ADMIN_URL"}
	for _, e := range Entries() {
		known = append(known, settings.Known(e.Name, e.Config())...)
	}
	return known
}

// Find returns the named service; the error lists those that exist.
func Find(name string) (Entry, error) {
	all := Entries()
	i := slices.IndexFunc(all, func(e Entry) bool { return e.Name == name })
	if i < 0 {
		return Entry{}, fmt.Errorf("no service is called %q; there are %v", name, Names())
	}
	return all[i], nil
}

func own(schema string) Schema {
	return Schema{Name: schema, URL: "POSTGRES_URL", OwnerURL: "POSTGRES_OWNER_URL"}
}

func entry[C any, S Service](name, about string, schemas []Schema, construct func(context.Context, C, sidecar.Settings) (S, error)) Entry {
	return Entry{
		Name: name, About: about, Schemas: schemas,
		Config: func() any { return new(C) },
		New: func(ctx context.Context, environ []string, set sidecar.Settings) (Service, error) {
			var config C
			if err := settings.Load(name, environ, &config); err != nil {
				return nil, err
			}
			return construct(ctx, config, set)
		},
	}
}
