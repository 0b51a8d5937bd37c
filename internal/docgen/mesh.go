package docgen

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/internal/house"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/inproc"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

// version of the documents; a service's own would change with every build.
const version = "v1"

// service is a row of the house with what its sidecar has besides.
type service interface {
	house.Service
	Registry() *prometheus.Registry
}

// mesh is all services in one process.
type mesh struct {
	dir     string
	broker  *inproc.Broker
	book    *peers.Book
	names   []string
	running map[string]service
	ended   chan error
}

func start(ctx context.Context, dir string) (_ *mesh, err error) {
	m := &mesh{dir: dir, book: &peers.Book{}, running: map[string]service{}, ended: make(chan error, len(house.Entries()))}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.stop(context.WithoutCancel(ctx)))
		}
	}()
	if err := m.keys(); err != nil {
		return nil, err
	}
	if m.broker, err = inproc.New(inproc.Settings{Dir: filepath.Join(dir, "bus")}); err != nil {
		return nil, err
	}
	for _, e := range house.Entries() {
		if err := m.host(ctx, e); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *mesh) keys() error {
	all := servicetoken.Keys{}
	for _, name := range house.Names() {
		key, err := servicetoken.LoadOrGenerateKey(m.keyFile(name))
		if err != nil {
			return err
		}
		all[name] = []ed25519.PublicKey{key.Public().(ed25519.PublicKey)} //nolint:forcetypeassert // what crypto/ed25519 documents
	}
	return servicetoken.WriteBundle(m.bundleFile(), all)
}

func (m *mesh) keyFile(service string) string { return filepath.Join(m.dir, service+".pem") }
func (m *mesh) bundleFile() string            { return filepath.Join(m.dir, "bundle.json") }

// host runs one service until stop.
func (m *mesh) host(ctx context.Context, e house.Entry) error {
	made, err := e.New(ctx, m.environ(e), sidecar.Settings{Version: version, Peers: m.book, Bus: m.broker.Open, Stderr: io.Discard})
	if err != nil {
		return err
	}
	svc, ok := made.(service)
	if !ok {
		return errors.Join(fmt.Errorf("%s has no registry", e.Name), made.Stop(ctx))
	}
	m.names, m.running[e.Name] = append(m.names, e.Name), svc
	m.book.Set(e.Name, peers.Peer{HTTP: []string{svc.PublicAddr()}, RPC: []string{svc.PrivateAddr()}})
	go func() { m.ended <- svc.Run(context.WithoutCancel(ctx)) }()
	return nil
}

func (m *mesh) environ(e house.Entry) []string {
	set := map[string]string{
		"HTTP_ADDR": "127.0.0.1:0", "RPC_ADDR": "127.0.0.1:0", "OPS_ADDR": "127.0.0.1:0",
		"STATE_DIR": m.dir, "KEY_FILE": m.keyFile(e.Name), "TRUST_BUNDLE": m.bundleFile(),
	}
	for _, s := range e.Schemas {
		set[s.URL] = "postgres://nobody@127.0.0.1:1/none"
	}
	if e.Name == "scheduler" { // which has what belongs to targets http only where there can be one
		set["HTTP_TARGETS"] = "hooks.example.org"
	}
	var environ []string
	for name, value := range set {
		environ = append(environ, settings.Variable(e.Name, name)+"="+value)
	}
	return environ
}

func (m *mesh) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	stopped := make(chan error, len(m.names))
	for _, name := range m.names { // all at once: each waits some time for a log store that is not there
		go func() { stopped <- m.running[name].Stop(ctx) }()
	}
	var errs []error
	for range m.names {
		errs = append(errs, <-stopped, <-m.ended)
	}
	if m.broker != nil {
		errs = append(errs, m.broker.Close())
	}
	return errors.Join(errs...)
}

// openAPI asks a service for its document, indented. The gateway's is asked for again until no service is missing.
func (m *mesh) openAPI(ctx context.Context, name string) ([]byte, error) {
	var out bytes.Buffer
	err := until(ctx, "the document of "+name, func() (bool, error) {
		text, err := fetch(ctx, "http://"+m.running[name].PublicAddr()+"/openapi.json")
		if err != nil {
			return false, err
		}
		if name == "gateway" && !bytes.Contains(text, []byte(`"x-signalbox-missing":[]`)) {
			return false, nil
		}
		out.Reset()
		return true, json.Indent(&out, append(bytes.TrimSpace(text), '\n'), "", "  ")
	})
	return out.Bytes(), err
}

func fetch(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("ask %s: answered %s: %s", url, resp.Status, strings.TrimSpace(string(text)))
	}
	return text, err
}

// until polls for what comes shortly after a start.
func until(ctx context.Context, what string, ok func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := ok()
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		case <-tick.C:
		}
	}
}
