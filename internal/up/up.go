package up

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"text/tabwriter"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/house"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// Bounds of a start and of a stop.
const (
	readyLimit = 15 * time.Second // for the services, once the servers run
	stopLimit  = 30 * time.Second
	renewToken = 24 * time.Hour // the admin's holds 30 days
)

// meshup is one running mesh.
type meshup struct {
	options  Options
	state    *state
	progress *progress
	servers  *servers
	shippers *shippers
	runtime  runtime
	book     *peers.Book
	vars     variables
	environ  []string
	began    time.Time
	apiAddr  string      // where the gateway listens
	stderr   *stderrFile // what the services write there
	unkeep   func()      // ends the watch over the private servers; nil: there is none yet
}

// Run brings the mesh up, serves until ctx ends or an instance fails for good, and takes everything down in reverse
// order. Nothing it started is left running, whatever it returns.
func Run(ctx context.Context, o Options) (err error) {
	if err := o.Check(); err != nil {
		return err
	}
	st, err := openState(o.State)
	if err != nil {
		return err
	}
	if err := precheck(o); err != nil {
		return errors.Join(err, st.close())
	}
	m := &meshup{options: o, state: st, progress: &progress{out: o.Out}, book: &peers.Book{}, vars: variables{}, began: time.Now()}
	if m.stderr, err = openStderr(st.path("stderr.log")); err != nil {
		return errors.Join(err, st.close())
	}
	m.progress.printf("signalbox %s  ·  state in %s\n", o.Version, st.dir)
	err = m.up(ctx)
	switch {
	case err == nil:
		err = m.serve(ctx)
	case ctx.Err() != nil:
		err = nil // asked to stop while starting: what broke off because of that is no finding
	}
	return errors.Join(err, m.down(context.WithoutCancel(ctx)), m.stderr.Close(), st.close())
}

func (m *meshup) up(ctx context.Context) error {
	// The runtime's last words are the process's, so they go to `up`; the next one ships them.
	if err := spool.CrashOutput(m.state.path("spool", operator, operator+"-1")); err != nil {
		return err
	}
	if err := m.state.keys(append(house.Names(), m.senders()...)); err != nil {
		return err
	}
	if err := m.state.certificates(m.options.MTLS, append(house.Names(), m.senders()...)); err != nil {
		return err
	}
	if err := m.state.opsToken(); err != nil {
		return err
	}
	var err error
	if m.shippers, err = newShippers(m); err != nil {
		return err
	}
	if m.servers, err = startServers(ctx, m); err != nil {
		return err
	}
	m.unkeep = m.keep()
	m.services()
	if m.options.Split {
		m.runtime = newSplit(m)
	} else {
		m.runtime = newInProcess(m)
	}
	if err := m.runtime.start(ctx, m); err != nil {
		return err
	}
	m.shippers.start()
	if err := m.awaitReady(ctx); err != nil {
		return err
	}
	if err := m.servers.settle(ctx); err != nil {
		return err
	}
	if err := m.awaitFleet(ctx); err != nil {
		return err
	}
	return m.announce(ctx)
}

// services gives every service what only `up` knows: addresses, keys, state.
func (m *meshup) services() {
	for _, e := range house.Entries() {
		m.vars.set(e.Name, "HTTP_ADDR", "127.0.0.1:0")
		m.vars.set(e.Name, "RPC_ADDR", "127.0.0.1:0")
		m.vars.set(e.Name, "KEY_FILE", m.state.keyFile(e.Name))
		m.vars.set(e.Name, "TRUST_BUNDLE", m.state.bundleFile())
		m.vars.set(e.Name, "STATE_DIR", m.state.dir)
		if m.options.MTLS {
			files := Certificates(m.state.dir, e.Name)
			m.vars.set(e.Name, "TLS_CERT_FILE", files.Cert)
			m.vars.set(e.Name, "TLS_KEY_FILE", files.Key)
			m.vars.set(e.Name, "TLS_CA_FILE", files.CA)
		}
		m.vars.set(e.Name, "OPS_TOKEN_FILE", m.state.opsTokenFile())
	}
	m.servers.traces(m.vars)
	m.vars.set("gateway", "HTTP_ADDR", m.options.Listen)
	m.vars.set("gateway", "OPS_ADDR", "127.0.0.1:0")
	m.environ = m.vars.environ(m.options.Environ)
}

// serve waits for the end: asked for, or an instance that cannot go on.
func (m *meshup) serve(ctx context.Context) error {
	if m.options.Demo {
		stop := startDemo(ctx, m)
		defer stop()
	}
	renew := time.NewTicker(renewToken)
	defer renew.Stop()
	for {
		select {
		case <-renew.C:
			if _, err := m.writeToken(ctx); err != nil {
				m.shippers.log().WarnContext(ctx, "the admin's token was not renewed", slog.Any("err", err))
			}
		case <-ctx.Done():
			m.progress.printf("\nstopping\n")
			m.shippers.log().InfoContext(ctx, "mesh is stopping", slog.Duration("ran_for", time.Since(m.began).Round(time.Millisecond)))
			return nil
		case err := <-m.runtime.failed():
			return err
		}
	}
}

// down takes back what up made, last first.
func (m *meshup) down(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	var errs []error
	if m.shippers != nil {
		m.shippers.goodbye(ctx)
	}
	if m.runtime != nil {
		errs = append(errs, m.runtime.stop(ctx))
	}
	if m.shippers != nil {
		errs = append(errs, m.shippers.stop(ctx))
	}
	if m.unkeep != nil {
		m.unkeep()
	}
	if m.servers != nil {
		errs = append(errs, m.servers.stop(ctx))
	}
	if m.shippers != nil {
		errs = append(errs, m.shippers.close(ctx))
	}
	m.progress.printf("stopped\n")
	return errors.Join(errs...)
}

// announce writes the addresses and the admin's token, and prints the table.
func (m *meshup) announce(ctx context.Context) error {
	mesh := Mesh{
		API: "http://" + m.apiAddr, Token: m.state.path("token"), PID: os.Getpid(), Bus: m.servers.bus,
		Postgres: m.servers.about, Jaeger: m.servers.page(), StartedAt: m.began.UTC(), Instances: m.runtime.instances(),
	}
	if err := m.state.writeJSON("mesh.json", mesh); err != nil {
		return err
	}
	m.table(mesh)
	m.shippers.log().InfoContext(ctx, "mesh is up", slog.String("api", mesh.API), slog.String("bus", mesh.Bus),
		slog.Int("instances", len(mesh.Instances)), slog.Duration("took", time.Since(m.began).Round(time.Millisecond)))
	return nil
}

func (m *meshup) table(mesh Mesh) {
	m.progress.printf("\n")
	w := tabwriter.NewWriter(m.options.Out, 2, 4, 3, ' ', 0)
	fmt.Fprintf(w, "  SERVICE\tINSTANCE\tADDRESS\tPRIVATE\tPID\n") //nolint:errcheck // as in progress
	for _, i := range mesh.Instances {
		fmt.Fprintf(w, "  %s\t%s\thttp://%s\t%s\t%d\n", i.Service, i.Instance, i.Address, i.Private, i.PID) //nolint:errcheck // as above
	}
	w.Flush() //nolint:errcheck // as above
	m.progress.printf("\n  studio       %s/studio/   (sign in: signalbox studio --state %s)\n", mesh.API, m.options.State)
	m.progress.printf("  API          %s   (documents: %s/docs)\n", mesh.API, mesh.API)
	m.progress.printf("  admin token  %s\n", mesh.Token)
	if mesh.Jaeger != "" {
		m.progress.printf("  traces       %s\n", mesh.Jaeger)
	}
	m.progress.printf("  log lines    signalbox logs -f --state %s\n", m.options.State)
	m.progress.printf("  started in   %s, bus: %s; Ctrl-C stops everything\n\n", time.Since(m.began).Round(100*time.Millisecond), mesh.Bus)
	m.progress.printf("signalbox is ready\n")
}
