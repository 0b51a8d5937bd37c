package sidecar

import (
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

// Config is what an operator sets, by SIGNALBOX_<NAME> or SIGNALBOX_<SERVICE>_<NAME>.
type Config struct {
	Instance        string        `env:"INSTANCE" scope:"instance" desc:"name of this instance; default: the service's name and -1"`
	HTTPAddr        string        `env:"HTTP_ADDR" scope:"instance" envDefault:":8080" desc:"public listener: REST API and ops paths"`
	RPCAddr         string        `env:"RPC_ADDR" scope:"instance" envDefault:":5001" desc:"private listener: gRPC"`
	OpsAddr         string        `env:"OPS_ADDR" scope:"instance" desc:"moves the ops paths to a listener of their own"`
	StateDir        string        `env:"STATE_DIR" scope:"instance" desc:"where spools and leases are kept over a restart; empty: no spool, no shipping"`
	SpoolLimit      settings.Size `env:"SPOOL_LIMIT" envDefault:"256MiB" desc:"most that the spool of log records takes on disk, 1MiB at least; when it is full, the least of worth goes first"`
	Environment     string        `env:"ENVIRONMENT" envDefault:"dev" desc:"deployment environment, a resource attribute of logs and spans"`
	LogLevel        string        `env:"LOG_LEVEL" envDefault:"info" desc:"baseline: LEVEL[,LOGGER=LEVEL]…"`
	LogRedactKeys   []string      `env:"LOG_REDACT_KEYS" desc:"changes to the names whose values no log record shows, by comma: iban (anywhere in the name), *pin (at its end), -cookie (no longer)"`
	BlackBoxShare   float64       `env:"BLACKBOX_SHARE" envDefault:"0" desc:"share of traces, 0 to 1, of which lines below their level are kept in memory and written when the trace fails; 0: none"`
	BlackBoxBytes   settings.Size `env:"BLACKBOX_BYTES" envDefault:"8MiB" desc:"most memory that the black box takes, 64KiB to 256MiB"`
	BlackBoxKeep    time.Duration `env:"BLACKBOX_KEEP" envDefault:"30s" desc:"how long the black box keeps a line"`
	BlackBoxLatency time.Duration `env:"BLACKBOX_LATENCY" envDefault:"0s" desc:"a request, call or event that takes longer has its trace written by the black box, as an error has; 0: none"`
	PostgresURL     string        `env:"POSTGRES_URL" secret:"true" desc:"database of the working role"`
	PostgresOwner   string        `env:"POSTGRES_OWNER_URL" secret:"true" desc:"database of the owning role, for migrations; default: POSTGRES_URL"`
	PostgresConns   int32         `env:"POSTGRES_MAX_CONNS" envDefault:"4" desc:"connections in the pool"`
	Migrate         string        `env:"MIGRATE" envDefault:"on" desc:"on: migrate the own schema at start; check: only check it"`
	AMQPURL         string        `env:"AMQP_URL" secret:"true" desc:"RabbitMQ; empty: no bus, unless one is injected"`
	Peers           string        `env:"PEERS" desc:"name=http-addr/grpc-addr[|…],…; a name that is missing is its DNS name"`
	MeshRetries     string        `env:"MESH_RETRIES" envDefault:"on" desc:"on: calls to other services are tried again, within a budget, where that does no harm; off: a proxy between the services does it"`
	KeyFile         string        `env:"KEY_FILE" desc:"this service's Ed25519 private key (PEM, PKCS #8)"`
	TrustBundle     string        `env:"TRUST_BUNDLE" desc:"public keys of all services (JWKS, kid = service)"`
	TLSCert         string        `env:"TLS_CERT_FILE" desc:"this service's certificate and what lies between it and the CA (PEM), for mutual TLS on the private port, and for who speaks TLS to the public one; read anew when it changes"`
	TLSKey          string        `env:"TLS_KEY_FILE" desc:"its private key (PEM), which the world may not read"`
	TLSCA           string        `env:"TLS_CA_FILE" desc:"whose certificates are believed (PEM); several are a rotation under way"`
	TraceExporter   []string      `env:"TRACE_EXPORTER" envDefault:"none" desc:"none, otlp, zipkin, jaeger; several by comma"`
	TraceEndpoint   string        `env:"TRACE_ENDPOINT" desc:"collector URL for zipkin and jaeger, or zipkin=URL,jaeger=URL,otlp=URL; otlp takes OTEL_EXPORTER_OTLP_ENDPOINT otherwise"`
	TraceRatio      float64       `env:"TRACE_RATIO" envDefault:"1" desc:"head sampling ratio, parent-based"`
	OpsToken        string        `env:"OPS_TOKEN_FILE" desc:"file with the token for POST /loggers"`
	DrainDelay      time.Duration `env:"DRAIN_DELAY" envDefault:"0s" desc:"time between leaving /hc and closing the listener"`
	StopTimeout     time.Duration `env:"STOP_TIMEOUT" envDefault:"10s" desc:"bound of an orderly stop, DRAIN_DELAY not counted"`
}
