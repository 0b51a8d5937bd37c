package scheduler

import (
	"context"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/httptarget"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar"
)

// hooks are the targets http, as the API shows them.
type hooks struct {
	allow func(url string) error
	keys  []api.Key
}

// newHooks has fires of target http sent, where the operator allows hosts; else none is published to a queue that anybody
// has, and none can be saved. The key is derived from the service's own, so that all replicas have the same.
func newHooks(sc *sidecar.Sidecar, store *postgres.Store, c Config) (hooks, error) {
	allowed, err := httptarget.Parse(c.HTTPTargets)
	if err != nil || allowed.None() {
		return hooks{allow: allowed.URL}, err
	}
	if sc.Signer() == nil {
		return hooks{}, bad("KEY_FILE", "is not set; requests to SIGNALBOX_SCHEDULER_HTTP_TARGETS are signed with a key that is derived from it")
	}
	private, err := sc.Signer().Derive(httptarget.Purpose)
	if err != nil {
		return hooks{}, err
	}
	key := httptarget.NewKey(private)
	standard, inPEM, err := key.Public()
	if err != nil {
		return hooks{}, err
	}
	target := httptarget.New(httptarget.Settings{Allowed: allowed, Key: key, Ledger: store, Registerer: sc.Registry()})
	sc.Go("http targets", func(ctx context.Context) error { <-ctx.Done(); target.Close(); return nil })
	return hooks{allow: allowed.URL, keys: []api.Key{{Algorithm: "ed25519", Standard: standard, PEM: inPEM}}},
		sc.Route(target.Route(service+".http", postgres.KeyHTTP))
}
