package archtest

// Module is the import path of the repository.
const Module = "github.com/signalbox-mesh/signalbox"

// rank orders the rooms: code imports its own rank only inside its own room, and lower ranks freely.
// A folder takes the rank of its longest prefix here; a folder without one is a violation.
var ranks = map[string]int{
	"sidecar/contract": 0,
	"sidecar":          10, // the leaf packages; rule leafNeverImportsRoot keeps them below the composite
	"maintenance":      20,

	"services/billing":          30,
	"services/catalogs":         30,
	"services/connectors":       30,
	"services/data-flow":        30,
	"services/file-storage":     30,
	"services/gateway":          30,
	"services/identity":         30,
	"services/notification":     30,
	"services/scheduler":        30,
	"services/template-service": 30,
	"services/view-service":     30,
	"services/web-studio":       30,
	"services/web-workplace":    30,
	"services/workflow":         30,

	"docs/examples":         30, // services as the documents show them
	"docs/examples/webhook": 0,  // for who receives requests of ours: imports nothing

	"internal": 40,
	"deploy":   45, // what is made of the house for others to install
	"cmd":      50,
}

// hosts are the services that may import the room beside the rule of ranks.
var hosts = map[string]string{
	"maintenance": "services/view-service",
}

// testKits may be imported by any _test.go file, whatever its rank: they are no part of what ships. They know no service, or
// one service's test would reach another one through them.
var testKits = []string{
	"internal/pgtest", "internal/amqptest", "internal/wait", "internal/seed", "internal/loglines", "internal/lifecycletest",
	"internal/servers", "internal/meshtest",
}

// thirdParty limits who may import a library. Paths are prefixes of folders; "**/name" is any folder of that name.
var thirdParty = map[string][]string{
	"github.com/rabbitmq/amqp091-go":                          {"sidecar/bus/amqp", "internal/amqptest", "internal/e2e/consumers"}, // the bare limit; a program that is not ours
	"github.com/jackc/pgx":                                    {"sidecar/pg", "sidecar/outbox", "**/postgres", "internal/pgtest"},
	"github.com/go-co-op/gocron":                              {"services/scheduler"},
	"github.com/pressly/goose":                                {"sidecar/pg"},
	"go.opentelemetry.io/otel/exporters/jaeger":               {"sidecar/trace/jaeger"},
	"github.com/openzipkin/zipkin-go":                         {"sidecar/trace/zipkin"},
	"github.com/alexliesenfeld/health":                        {"sidecar/health"},
	"github.com/google/pprof":                                 {"sidecar/profile", "services/view-service", "internal/e2e"}, // the latter: their tests
	"github.com/redis/go-redis":                               {"services/gateway"},
	"github.com/coder/websocket":                              {"sidecar", "services/gateway"}, // sidecar/web/socket, and tests
	"github.com/alecthomas/kong":                              {"internal/cli", "cmd"},
	"github.com/Shopify/toxiproxy":                            {"internal/faults"},
	"github.com/google/go-containerregistry":                  {"deploy/images"},
	"github.com/CycloneDX/cyclonedx-go":                       {"deploy/images"},
	"golang.org/x/crypto/x509roots/fallback":                  {"deploy/images"},
	"golang.org/x/crypto/argon2":                              {"services/identity"},
	"github.com/santhosh-tekuri/jsonschema":                   {"services/catalogs"},
	"github.com/failsafe-go/failsafe-go":                      {"sidecar/mesh"},
	"go.opentelemetry.io/contrib/propagators/b3":              {"sidecar/trace"},
	"github.com/danielgtaylor/huma":                           {"sidecar/web", "**/httpapi"},
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace":       {"sidecar/trace"},
	"go.opentelemetry.io/otel/exporters/otlp/otlplog":         {"services/view-service", "internal/e2e"}, // their tests
	"github.com/prometheus/client_golang/prometheus/promauto": {},
}

// forbiddenCalls are selectors that no code outside the listed folders may use: private tickers, package-level
// state, and routes that declare no rule.
var forbiddenCalls = []callRule{
	{Why: "a service has no private ticker: declare a timed event", Selectors: []string{"time.NewTicker", "time.Tick", "time.AfterFunc"},
		Allowed: []string{"sidecar", "services/scheduler/internal/leader", "internal", "cmd"}},
	{Why: "sleeping is no synchronisation", Selectors: []string{"time.Sleep"}, Allowed: []string{"internal/wait"}, Tests: true},
	{Why: "no package-level state: many sidecars run in one process", Selectors: []string{
		"slog.SetDefault", "otel.SetTracerProvider", "otel.SetTextMapPropagator", "otel.SetMeterProvider", "otel.GetTracerProvider",
		"prometheus.MustRegister", "prometheus.Register", "prometheus.DefaultRegisterer", "prometheus.DefaultGatherer",
		"promhttp.Handler", "http.HandleFunc", "http.Handle", "http.DefaultServeMux", "amqp.SetLogger", "amqp091.SetLogger", "log.SetOutput",
	}},
	{Why: "a route is registered through web.Register or web.API.Handle, with its rule", Selectors: []string{
		"huma.Register", "huma.Get", "huma.Post", "huma.Put", "huma.Patch", "huma.Delete", "http.NewServeMux",
	}, Allowed: []string{"sidecar", "internal", "cmd"}},
	{Why: "a private method is registered through rpc.Server.Register, with its callers", Selectors: []string{"grpc.NewServer"},
		Allowed: []string{"sidecar/rpc"}},
	{Why: "services are called through sidecar/mesh", Selectors: []string{
		"grpc.NewClient", "grpc.Dial", "grpc.DialContext", "http.Client", "http.Transport", "http.DefaultClient", "http.DefaultTransport",
		"http.Get", "http.Post", "http.PostForm", "http.Head",
	}, Allowed: []string{
		"sidecar/mesh",
		"sidecar/trace/jaeger", "sidecar/trace/zipkin", "maintenance/internal/traces", // collectors are outside of the mesh
		"services/scheduler/internal/httptarget", // and so are the targets of schedules
		"services/gateway/internal/upstream",     // asks each replica for itself about its maintenance window
		"internal", "cmd",                        // people's programs, which are no services, and the kits of tests
	}},
	{Why: "gRPC's table of balancers belongs to the process: ours are entered in one place", Selectors: []string{"balancer.Register"},
		Allowed: []string{"sidecar/mesh"}},
	{Why: "only main exits", Selectors: []string{"os.Exit", "log.Fatal", "log.Fatalf"}, Allowed: []string{"cmd", "deploy/images", "internal/servers/guard"}},
}

// callRule forbids Selectors outside Allowed. Tests: in _test.go files too.
type callRule struct {
	Why       string
	Selectors []string
	Allowed   []string
	Tests     bool
}
