// Package timed is how a service gets timed events: it declares a schedule, the scheduler fires it over the bus, the
// handler does the work, receipts go back.
//
//	delivery ─▶ ended here before? ─yes─▶ duplicate: its receipt again, if nobody took it
//	                  │ no
//	                  ▼
//	             handler, within its deadline ──after a second──▶ received, then progress once a second
//	                  │
//	      ┌───────────┼──────────────┬──────────────┐
//	     done       error      deadline, cancel    stop of this instance
//	      ▼           ▼              ▼              ▼
//	  completed     failed         failed        nothing: the bus delivers it again
//
// # What is promised
//
// A due time is fired once by the scheduler's ledger and delivered at least once by the bus. With a database, inbox row,
// effect and completed receipt share one transaction, so the effect inside that transaction happens exactly once, whatever
// is redelivered or published again; the inbox's key is the fire's ID, which all attempts share. What a handler does
// outside its transaction, and everything a handler without a database does, happens at least once: an instance remembers
// the newest 4096 fires that ended there and does none of them twice, but another instance, and the same one after a
// restart, does not know. Such a handler uses the fire's ID as its key of idempotency.
//
// # Attempts
//
// A publication is one attempt. A handler that returns an error, panics or passes its deadline has failed, which its
// receipt tells with the attempt's number; the scheduler decides whether and when the next attempt comes (Schedule's
// Attempts and Backoff). After Final, and after a cancel, there is none. The bus retries nothing of that, and parks only
// what is no fire.
//
// A handler has to end with its context: nothing else ends it, and the deadline's receipt goes out when it has.
// context.Cause tells ErrDeadline and ErrCancelled from the stop of the instance. A stop waits for handlers as long as it
// may; those that are left then are interrupted, and run again where the bus delivers them next, with the same attempt.
//
// # The clock
//
// When a schedule is due, and what becomes of that when clocks change, is package timing's.
package timed
