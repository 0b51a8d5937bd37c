// Package timed is how a service gets timed events: it declares a schedule, the scheduler fires it
// over the bus, the handler does the work, a receipt goes back.
//
// # What is promised
//
// A due time is fired once by the scheduler's ledger and delivered at least once by the bus. With a
// database, inbox row, effect and receipt share one transaction, so the effect inside that transaction
// happens exactly once, whatever is redelivered or republished; the inbox's key is the fire's ID. What a
// handler does outside its transaction, and everything a handler without a database does, happens at
// least once.
//
// A handler that fails is tried again by the bus with its backoff. Only the end is reported: completed
// when any try succeeds, failed (once, with the last error) when the tries are used up, the handler gave
// up with bus.Park, or its deadline passed; a deadline is final. What failed lies in the bus's parking
// place and can be replayed; if the replay succeeds, a completed receipt follows and wins.
//
// # The clock
//
// When a schedule is due, and what becomes of that when clocks change, is package timing's.
package timed
