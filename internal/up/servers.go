package up

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox-mesh/signalbox/internal/house"
	"github.com/signalbox-mesh/signalbox/internal/servers/jaeger"
	"github.com/signalbox-mesh/signalbox/internal/servers/postgres"
	"github.com/signalbox-mesh/signalbox/internal/servers/rabbitmq"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/amqp"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/inproc"
)

// database is the one database of the mesh; each schema in it has two roles of its own.
const database = "signalbox"

// servers are PostgreSQL and the bus: private ones, or those that exist already.
type servers struct {
	postgres *postgres.Server // nil: an existing one is used
	rabbit   *rabbitmq.Server // nil: an existing one, or in-process
	broker   *inproc.Broker
	jaeger   *jaeger.Server // nil: none is wanted
	adminURL string
	amqpURL  string
	bus      string // rabbitmq, inproc
	about    string // PostgreSQL, in words
}

// startServers starts both at once: RabbitMQ takes seconds. What it started before an error is stopped again.
func startServers(ctx context.Context, m *meshup) (*servers, error) {
	s := &servers{}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return m.progress.step(gctx, "PostgreSQL", func() (string, error) { return s.startPostgres(gctx, m) })
	})
	g.Go(func() error {
		return m.progress.step(gctx, "bus", func() (string, error) { return s.startBus(gctx, m) })
	})
	if m.options.Jaeger {
		g.Go(func() error {
			return m.progress.step(gctx, "Jaeger", func() (string, error) { return s.startJaeger(gctx, m) })
		})
	}
	if err := g.Wait(); err != nil {
		return nil, errors.Join(err, s.stop(context.WithoutCancel(ctx)))
	}
	if err := m.progress.step(ctx, "schemas", func() (string, error) { return s.bootstrap(ctx, m) }); err != nil {
		return nil, errors.Join(err, s.stop(context.WithoutCancel(ctx)))
	}
	return s, nil
}

func (s *servers) startPostgres(ctx context.Context, m *meshup) (string, error) {
	if url := setting(m.options.Environ, "SIGNALBOX_POSTGRES_URL"); url != "" {
		s.adminURL, s.about = url, "existing (SIGNALBOX_POSTGRES_URL)"
		return s.about, nil
	}
	server, err := postgres.New(ctx, postgres.Settings{Dir: m.state.path("postgres"), Log: m.shippers.lines(serverPostgres)})
	if err != nil {
		return "", err
	}
	s.postgres = server
	if err := server.Start(ctx); err != nil {
		return "", err
	}
	s.adminURL, s.about = server.URL(), fmt.Sprintf("private, 127.0.0.1:%d", server.Port())
	return s.about + elsewhere(m.state, server.Dir()), nil
}

func (s *servers) startBus(ctx context.Context, m *meshup) (string, error) {
	if url := setting(m.options.Environ, "SIGNALBOX_AMQP_URL"); url != "" && m.options.Bus != busInproc {
		s.bus, s.amqpURL = busRabbitMQ, url
		return "RabbitMQ, existing (SIGNALBOX_AMQP_URL)", reachRabbitMQ(ctx, url, readyLimit)
	}
	if m.options.Bus == busInproc {
		return s.startInproc(m, "in-process, as asked for")
	}
	detail, err := s.startRabbitMQ(ctx, m)
	if errors.Is(err, rabbitmq.ErrNotFound) && m.options.Bus == busAuto && !m.options.Split {
		return s.startInproc(m, "in-process: "+err.Error())
	}
	return detail, err
}

func (s *servers) startInproc(m *meshup, why string) (string, error) {
	broker, err := inproc.New(inproc.Settings{Dir: m.state.path("bus")})
	if err != nil {
		return "", err
	}
	s.bus, s.broker = busInproc, broker
	return why, nil
}

func (s *servers) startRabbitMQ(ctx context.Context, m *meshup) (string, error) {
	server, err := rabbitmq.New(rabbitmq.Settings{Dir: m.state.path("rabbitmq"), Log: m.shippers.lines(serverRabbitMQ)})
	if err != nil {
		return "", err
	}
	s.rabbit = server
	if err := server.Start(ctx); err != nil {
		return "", err
	}
	s.bus, s.amqpURL = busRabbitMQ, server.URL()
	return fmt.Sprintf("RabbitMQ, private, 127.0.0.1:%d", server.Port()) + elsewhere(m.state, server.Dir()), nil
}

func (s *servers) startJaeger(ctx context.Context, m *meshup) (string, error) {
	server, err := jaeger.New(jaeger.Settings{Log: m.shippers.lines(serverJaeger)})
	if err != nil {
		return "", err
	}
	s.jaeger = server
	if err := server.Start(ctx); err != nil {
		return "", err
	}
	return "private, " + server.Query() + ", forgets its traces when it ends", nil
}

// traces has every service send its spans to the private Jaeger, and view-service read them there.
func (s *servers) traces(v variables) {
	if s.jaeger == nil {
		return
	}
	for _, e := range house.Entries() {
		v.set(e.Name, "TRACE_EXPORTER", "otlp")
		v.set(e.Name, "TRACE_ENDPOINT", "otlp="+s.jaeger.OTLPHTTP())
	}
	v.set("view-service", "TRACE_QUERY", "jaeger="+s.jaeger.Query())
	v.set("view-service", "TRACE_UI", s.jaeger.Query()+"/trace/{trace_id}")
}

// page is where a person looks at traces; "": nowhere.
func (s *servers) page() string {
	if s.jaeger == nil {
		return ""
	}
	return s.jaeger.Query()
}

// settle makes a private RabbitMQ write down the queues that the services have just declared: until some seconds
// after the declaration, a kill -9 of the node would lose a new quorum queue with what it holds (seen with 3.10, whose
// directory of queues is a dets table that is flushed late).
func (s *servers) settle(ctx context.Context) error {
	if s.rabbit == nil {
		return nil
	}
	if _, err := s.rabbit.Eval(ctx, "[dets:sync(T) || T <- dets:all()]."); err != nil {
		return fmt.Errorf("settle RabbitMQ's queues: %w", err)
	}
	return nil
}

// elsewhere tells where a server keeps its data when its user may not enter the state folder.
func elsewhere(st *state, dir string) string {
	if strings.HasPrefix(dir, st.dir) {
		return ""
	}
	return ", data in " + dir
}

// open is a sidecar's view of the bus, for services in this process.
func (s *servers) open(c bus.Client) (bus.Bus, error) {
	if s.broker != nil {
		return s.broker.Open(c)
	}
	return amqp.Open(s.amqpURL, c)
}

// bootstrap makes database, schemas and roles, and tells each service its URLs.
func (s *servers) bootstrap(ctx context.Context, m *meshup) (string, error) {
	all := house.Roles(house.Entries())
	var names []string
	for _, r := range all {
		names = append(names, r.Role, r.Owner)
	}
	secrets, err := m.state.secrets(names)
	if err != nil {
		return "", err
	}
	for i := range all {
		all[i].Password, all[i].OwnerPassword = secrets[all[i].Role], secrets[all[i].Owner]
	}
	if err := bootstrapped(ctx, s.adminURL, all); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d, each with an owner and a working role", len(all)), s.tell(m, secrets)
}

func (s *servers) tell(m *meshup, secrets map[string]string) error {
	for _, e := range house.Entries() {
		for _, schema := range e.Schemas {
			role := "signalbox_" + schema.Name
			work, err := house.RoleURL(s.adminURL, database, role, secrets[role])
			if err != nil {
				return err
			}
			owner, err := house.RoleURL(s.adminURL, database, role+"_owner", secrets[role+"_owner"])
			if err != nil {
				return err
			}
			m.vars.set(e.Name, schema.URL, work)
			m.vars.set(e.Name, schema.OwnerURL, owner)
		}
	}
	return nil
}

// stop ends what was started: the bus first, since it needs nobody.
func (s *servers) stop(ctx context.Context) error {
	var errs []error
	if s.broker != nil {
		errs = append(errs, s.broker.Close())
	}
	if s.rabbit != nil {
		errs = append(errs, s.rabbit.Stop(ctx))
	}
	if s.postgres != nil {
		errs = append(errs, s.postgres.Stop(ctx))
	}
	if s.jaeger != nil {
		errs = append(errs, s.jaeger.Stop(ctx))
	}
	return errors.Join(errs...)
}

func setting(environ []string, name string) string {
	for _, kv := range environ {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	return ""
}
