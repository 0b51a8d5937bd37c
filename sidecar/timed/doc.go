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
// An interval is anchored at the Unix epoch: every 15 m is due at :00, :15, :30 and :45 UTC, on every
// replica and after every restart.
//
// A cron line is read in its time zone. When clocks change:
//
//   - A line whose hour field names every hour ("0 * * * *", "*/5 * * * *") follows elapsed time: it is
//     due 23 times on the short day and 25 times on the long one.
//   - Every other line names wall-clock times. One that the change skips is due at the first instant
//     after the gap (where that is another day, in the last second before it); several skipped ones fall
//     together there. One that comes twice is due the first time only. So "30 2 * * *" runs exactly once on every local day.
package timed
