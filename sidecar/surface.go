package sidecar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/go-jose/go-jose/v4"

	identityv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/identity/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/health"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/ops"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
	"github.com/signalbox-mesh/signalbox/sidecar/usertoken"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

func (s *Sidecar) wireListeners(ctx context.Context) (err error) {
	s.public, s.opsServer = s.newServer(), s.newServer()
	if s.publicLn, err = s.listen(ctx, "HTTP_ADDR", s.config.HTTPAddr); err != nil {
		return err
	}
	if s.privateLn, err = s.listen(ctx, "RPC_ADDR", s.config.RPCAddr); err != nil {
		return err
	}
	if s.config.OpsAddr != "" {
		s.opsLn, err = s.listen(ctx, "OPS_ADDR", s.config.OpsAddr)
	}
	return err
}

func (s *Sidecar) listen(ctx context.Context, name, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, &settings.Error{Variable: settings.Prefix + name, Problem: fmt.Sprintf("cannot listen on %q: %v; choose a free address, or :0 for any", addr, err)}
	}
	s.held.add("listener "+addr, func(context.Context) error { return closeListener(ln) })
	return ln, nil
}

func closeListener(ln net.Listener) error {
	if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func (s *Sidecar) wirePrivate(context.Context) (err error) {
	if s.config.KeyFile != "" {
		if s.signer, err = loadSigner(s.settings.Service, s.config.KeyFile); err != nil {
			return &settings.Error{Variable: "SIGNALBOX_KEY_FILE", Problem: err.Error()}
		}
	}
	if s.bundle = s.settings.Keys; s.bundle == nil && s.config.TrustBundle != "" {
		if s.bundle, err = servicetoken.OpenBundle(s.config.TrustBundle); err != nil {
			return &settings.Error{Variable: "SIGNALBOX_TRUST_BUNDLE", Problem: err.Error()}
		}
	}
	if err := s.wireCertificates(); err != nil {
		return err
	}
	retries, err := s.retries()
	if err != nil {
		return err
	}
	private := rpc.Settings{
		Service: s.settings.Service, Bundle: s.bundle, Registerer: s.registry,
		TracerProvider: s.tracing.TracerProvider(), Propagator: s.tracing.Propagator(), Logger: s.Logger("rpc"), Gate: s.gate,
		Flows: s.flows, Failures: s.failures,
	}
	calls := mesh.Settings{
		Service: s.settings.Service, Peers: s.peers, Signer: s.signer, Registerer: s.registry, Edges: s.edges,
		TracerProvider: s.tracing.TracerProvider(), Propagator: s.tracing.Propagator(), Logger: s.Logger("mesh"), Retries: retries,
	}
	if s.certificates != nil {
		private.Certificates, calls.Certificates = s.certificates, s.certificates
	}
	s.private, s.mesh = rpc.NewServer(private), mesh.New(calls)
	s.held.add("connections to peers", func(context.Context) error { return s.mesh.Close() })
	s.health.Add(health.Check{Name: "mesh", Run: func(context.Context) error { return s.mesh.Open() }})
	s.held.add("line of logs", s.lastWord) // after everything that may log in earnest, and while view-service can be reached
	return nil
}

// retries says whether our clients try calls again.
func (s *Sidecar) retries() (bool, error) {
	switch s.config.MeshRetries {
	case "", "on":
		return true, nil
	case "off":
		return false, nil
	default:
		return false, s.wrongSetting("MESH_RETRIES", fmt.Sprintf("%.80q is neither on nor off", s.config.MeshRetries))
	}
}

func loadSigner(service, file string) (*servicetoken.Signer, error) {
	key, err := servicetoken.LoadKey(file)
	if err != nil {
		return nil, err
	}
	return servicetoken.NewSigner(service, key)
}

func (s *Sidecar) wireAPI(context.Context) error {
	s.verifier = s.settings.Verifier
	if s.verifier == nil {
		s.verifier = usertoken.New(usertoken.Settings{Keys: s.identityKeys})
	}
	s.api = web.New(web.Settings{
		Service: s.settings.Service, Title: s.settings.Service, Version: s.settings.Version, Verifier: s.verifier, Bundle: s.bundle,
		Logger: s.Logger("http"), Registerer: s.registry, TracerProvider: s.tracing.TracerProvider(),
		Propagator: s.tracing.Propagator(), Gate: s.gate, Flows: s.flows, Failures: s.failures,
	})
	return nil
}

// wireOps serves the ops paths beside the API, or on a listener of their own.
func (s *Sidecar) wireOps(context.Context) error {
	token, err := opsToken(s.config.OpsToken)
	if err != nil {
		return &settings.Error{Variable: "SIGNALBOX_OPS_TOKEN_FILE", Problem: err.Error()}
	}
	audit := s.Logger("audit")
	s.local = ops.NewLocal(ops.LocalSettings{
		Push: func(all []level.Override) { s.sources.Set(localSource, all) }, Effective: s.effective, Changed: s.noteLocal, Audit: audit,
	})
	s.held.add("local levels", func(context.Context) error { s.local.Stop(); return nil })
	set := ops.Settings{Registry: s.registry, Health: s.health, Levels: s.levels, Override: s.local, Lease: s.leaseOf, Audit: audit, Token: token}
	if s.opsLn != nil {
		s.public.Handler, s.opsServer.Handler = s.api.Handler(), ops.Handler(set, nil)
		return nil
	}
	s.public.Handler = ops.Handler(set, s.api.Handler())
	return nil
}

// localSource are the levels set on this instance alone; they are stronger than the fleet's leases, being what is
// left when everything else is down.
const localSource = "local"

func opsToken(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if token := strings.TrimSpace(string(raw)); token != "" {
		return token, nil
	}
	return "", fmt.Errorf("%s is empty; write a long random token into it", file)
}

// identityKeys asks identity for the keys that verify user tokens.
func (s *Sidecar) identityKeys(ctx context.Context) (jose.JSONWebKeySet, error) {
	conn, err := s.mesh.RPC("identity")
	if err != nil {
		return jose.JSONWebKeySet{}, err
	}
	answer, err := identityv1.NewIdentityServiceClient(conn).Keys(ctx, &identityv1.KeysRequest{})
	if err != nil {
		return jose.JSONWebKeySet{}, fmt.Errorf("ask identity for its keys: %w", err)
	}
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(answer.GetJwks(), &keys); err != nil {
		return jose.JSONWebKeySet{}, fmt.Errorf("read identity's keys: %w", err)
	}
	return keys, nil
}
