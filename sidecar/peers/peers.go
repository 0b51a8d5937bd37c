// Package peers finds the other services: SIGNALBOX_PEERS, the addresses bound under `up`, else DNS.
package peers

// Peer is where one service can be reached; several addresses are its replicas.
type Peer struct {
	HTTP []string // host:port of the public port
	RPC  []string // host:port of the private port
}

// Resolver answers at every dial, so its answer may change. It never fails: an unknown name is its DNS name.
type Resolver interface {
	Resolve(service string) Peer
}
