package up

import (
	"context"
	"time"
)

// Instance is one running instance, as mesh.json and `ps` tell it.
type Instance struct {
	Service  string `json:"service"`
	Instance string `json:"instance"`
	Address  string `json:"address"` // public host:port, with the ops paths
	Private  string `json:"private"` // gRPC host:port
	PID      int    `json:"pid"`
}

// Mesh is what STATE/mesh.json says of a running mesh.
type Mesh struct {
	API       string     `json:"api"`   // base URL of the gateway
	Token     string     `json:"token"` // path of the file with the admin's token
	PID       int        `json:"pid"`   // of `signalbox up`
	Bus       string     `json:"bus"`   // rabbitmq, inproc
	Postgres  string     `json:"postgres"`
	Jaeger    string     `json:"jaeger,omitempty"` // base URL of the page and of the query API, where `up` runs one
	StartedAt time.Time  `json:"started_at"`
	Instances []Instance `json:"instances"`
}

// runtime is how the services run: all in this process, or each in its own.
type runtime interface {
	start(ctx context.Context, m *meshup) error
	instances() []Instance
	failed() <-chan error // one that ended by itself
	stop(ctx context.Context) error
}
