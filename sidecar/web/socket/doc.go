// Package socket is WebSocket between a service and browsers, and between services: connections whose messages are CloudEvents, as
// those of the bus are, and carry trace context.
//
//	            HTTP request, with its route's rule              mesh's client
//	Accept ◀──────────────────────────────────────────────────── Dial
//	  │                                                            │
//	Conn ── Send ─▶ queue ─▶ writer ═══ text frames ═══▶ reader ─▶ inbox ─▶ handler, one message after the other
//	  └── pings, the end of the caller's token
//
// A message is one text frame of CloudEvents 1.0 JSON. Its extension attributes are traceparent, tracestate, baggage, and B3's where
// the service writes B3 (b3; xb3traceid, xb3spanid and xb3sampled, as attributes have no hyphens). A message that is sent in a span
// is a producer's span, and its handling a consumer's, its child and linked to it; one that carries no context begins a trace. The
// token of a targeted-debug flow goes along between services only: from anybody else it is dropped, and counted.
//
// Nothing is kept: a message is handled once or, when its connection breaks, perhaps not at all. What must arrive goes over the bus.
package socket
