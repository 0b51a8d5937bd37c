// Package catalogs keeps what app builders define: data types, each with a JSON Schema, and the records
// of each type.
package catalogs

import (
	"context"
	"fmt"

	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/catalog"
	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/httpapi"
	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/postgres"
	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/rpcapi"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

const service = "catalogs"

// Config is what an operator sets.
type Config struct {
	sidecar.Config
}

// Service is catalogs with its sidecar: Run and Stop are the sidecar's.
type Service struct {
	*sidecar.Sidecar
}

// New wires catalogs and binds its listeners. s brings what the program shares (bus, peers, stderr);
// name, schema and migrations are catalogs' own.
func New(ctx context.Context, c Config, s sidecar.Settings) (*Service, error) {
	s.Service, s.Schema = service, service
	s.Migrations = []pg.Migrations{postgres.Migrations()}
	s.Whole = c
	sc, err := sidecar.New(ctx, c.Config, s)
	if err != nil {
		return nil, err
	}
	store := newStore(sc)
	rules := catalog.New(store, store)
	httpapi.Mount(sc.API(), rules, store)
	if err := rpcapi.New(rules, store, sc.Verifier()).Register(sc.RPC()); err != nil {
		_ = sc.Stop(ctx)
		return nil, fmt.Errorf("register catalogs' private API: %w", err)
	}
	return &Service{Sidecar: sc}, nil
}

// newStore keeps a nil *outbox.Outbox from becoming an interface that is not nil.
func newStore(sc *sidecar.Sidecar) *postgres.Store {
	source := "/" + service + "/" + sc.Instance()
	if box := sc.Outbox(); box != nil {
		return postgres.New(sc.DB(), box, source)
	}
	return postgres.New(sc.DB(), nil, source)
}
