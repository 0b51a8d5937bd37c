// Package identity knows the users: it signs them in, gives them tokens that every service verifies by
// itself, and lets administrators grant roles.
package identity

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/account"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/audit"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/httpapi"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/keyring"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/password"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/postgres"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/session"
	"github.com/signalbox-mesh/signalbox/sidecar"
	identityv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/identity/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

const service = "identity"

// Service is identity with its sidecar: Run and Stop are the sidecar's.
type Service struct {
	*sidecar.Sidecar
}

// New wires identity and binds its listeners. s brings what the program shares (bus, peers, stderr);
// name, schema, migrations and verifier are identity's own.
func New(ctx context.Context, c Config, s sidecar.Settings) (*Service, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	ring, err := c.keys()
	if err != nil {
		return nil, err
	}
	s.Service, s.Schema = service, service
	s.Migrations = []pg.Migrations{postgres.Migrations()}
	s.Verifier = ring.Verifier()
	s.Whole = c
	sc, err := sidecar.New(ctx, c.Config, s)
	if err != nil {
		return nil, err
	}
	if err := wire(sc, c, ring); err != nil {
		_ = sc.Stop(ctx)
		return nil, err
	}
	return &Service{Sidecar: sc}, nil
}

func wire(sc *sidecar.Sidecar, c Config, ring *keyring.Keyring) error {
	proxies, err := c.proxies()
	if err != nil {
		return err
	}
	hasher, err := password.New(password.DefaultParams(), c.HashMemoryMiB<<10)
	if err != nil {
		return bad("HASH_MEMORY_MIB", err.Error())
	}
	trail := audit.New(sc.Logger("audit"))
	store := newStore(sc)
	sessions := session.New(session.Settings{
		Families: store, Codes: store, Credentials: store, Strikes: store, Passwords: hasher, Signer: ring, Trail: trail,
		Metrics: session.NewMetrics(sc.Registry()), Idle: c.SessionIdle, Longest: c.SessionLongest,
	})
	users := account.NewUsers(store, hasher, trail)
	httpapi.Mount(sc.API(), httpapi.Settings{Sessions: sessions, Users: users, Reader: store, JWKS: ring.JWKS, Signer: ring, Senders: store, Trail: trail, Proxies: proxies})
	if sc.Bus() != nil { // without one nothing is timed; expired sessions are refused all the same
		daily := timed.Schedule{Name: "identity.purge", Cron: "17 3 * * *", Deadline: 5 * time.Minute, Overlap: timed.OverlapSkip, Backoff: time.Minute}
		if err := sc.Timed(daily, purge(sc.Logger("purge"))); err != nil {
			return fmt.Errorf("declare identity's schedule: %w", err)
		}
	}
	return register(sc, &keyServer{ring: ring, admins: store, senders: store, trail: trail})
}

// newStore keeps a nil *outbox.Outbox from becoming an interface that is not nil.
func newStore(sc *sidecar.Sidecar) *postgres.Store {
	source := "/" + service + "/" + sc.Instance()
	if box := sc.Outbox(); box != nil {
		return postgres.New(sc.DB(), box, source)
	}
	return postgres.New(sc.DB(), nil, source)
}

// purge deletes what is past its end, once a day.
func purge(log *slog.Logger) timed.Handler {
	return func(ctx context.Context, tx pg.Tx, _ timed.Fire) error {
		sessions, failures, err := postgres.Purge(ctx, tx, time.Now())
		if err != nil {
			return err
		}
		if sessions+failures > 0 {
			log.InfoContext(ctx, "purged", slog.Int64("sessions", sessions), slog.Int64("failures", failures))
		}
		return nil
	}
}

func register(sc *sidecar.Sidecar, server *keyServer) error {
	callers := map[string]rpc.Callers{"Keys": rpc.AnyService(), "RevokedSenders": rpc.AnyService(), "IssueAdminToken": {"up"}}
	if err := sc.RPC().Register(&identityv1.IdentityService_ServiceDesc, server, callers); err != nil {
		return fmt.Errorf("register identity's private API: %w", err)
	}
	return nil
}
