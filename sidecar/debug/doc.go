// Package debug is targeted debugging: only the requests that a lease's conditions describe log at its level, and they
// do so in every service that they touch; and it is how a service tells the others that a trace has failed.
//
// # Flows
//
// A lease of kind "debug" says which requests. The first sidecar that meets a matching one (the gateway, or whoever holds
// the lease) begins a flow and stamps it with a token: a grant, signed by the stamping service's own key, that names the
// lease, the level and the end. The token goes with the request wherever it goes, and whoever receives it begins a flow
// of its own after it has verified the token offline:
//
//	HTTP header Signalbox-Debug · gRPC metadata signalbox-debug · CloudEvents extension signalboxdebug
//	                                                              (bus, outbox rows, timed events)
//
//	request ──Match──▶ flow ──Token──▶ header … ──Enter──▶ flow        each ends with its request, call or handler
//
// A token that is forged, expired, too large or malformed is ignored and counted. What comes from outside is dropped by
// the gateway, no answer carries one, and a handler does not see it among its request's headers. A token ends with its
// lease, and 15 minutes after it was signed at the latest; a sidecar that knows the lease ends its flows when the lease
// is dropped or its budget is spent.
//
// What it costs a request that does not match: a look whether a lease holds (one atomic load), and a look for the header.
// What it costs a log line that is disabled: Active, one atomic load, while no flow is under way here; while one is, a walk
// through the context once, and Stranger from then on.
//
// # Failures
//
// Where a request, call or handler ends with an error, or above the latency bound, Failures has the black box release
// what it kept of that trace, and tells every other sidecar to do so by a signed message on the control exchange.
package debug
