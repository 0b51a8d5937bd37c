// Package inproc is the bus within one process, for a mesh without RabbitMQ.
//
// A Broker keeps its promise on disk. Publish is confirmed when every durable queue that the key is bound to
// has the event's effect or the event itself:
//
//	Publish ─► ready ─► handler ─ok──────────────────────────► confirmed, nothing was written
//	              │        └─error─► pending/ (synced) ───────► confirmed; tried again with backoff,
//	              │                                             then parked/ (synced)
//	              └─ nobody free within Settings.Grace ─► pending/ (synced) ─► confirmed; handled later
//
// Queues and their bindings are remembered, so an event published before its subscriber is back is kept.
// After a crash everything in pending/ is tried again: at least once, as with any broker.
//
//	Dir/.lock                      held while the broker lives: one process has a Dir
//	Dir/<queue>/queue.json         bindings
//	Dir/<queue>/pending/<seq>.json one event each, in the order of arrival
//	Dir/<queue>/parked/<seq>.json  given up, and why
//
// Exclusive queues live in memory, in order, and are gone with their client.
package inproc
