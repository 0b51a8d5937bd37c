// Package leader elects the one replica that plans, and runs its planner.
//
//	candidate ──lock taken, epoch + 1──▶ leading ──session lost, deposed, stopped──▶ candidate
//
// The lock is a PostgreSQL advisory lock of a session, and everything a leader writes goes through that very
// session, in transactions that check the epoch. So a leader that died loses the lock with its connection; one that
// is frozen (SIGSTOP, a cut network) has its session ended by a candidate after three silent seconds, and when it
// goes on there is no session left to write with; and a transaction of an older epoch is refused whatever else
// happens.
//
// A leader asks the store for due schedules in bounded batches, oldest first, until nothing is due. Its timer,
// gocron, wakes it at the next due time and at least once a second, which is also the sign of life that
// candidates look for; whoever ends a fire that others wait for wakes it before its time. While its own bus is away it
// holds: it gives the sign of life and plans nothing, for that would only grow old in the outbox; a candidate whose bus is
// there ends its term then, and takes its place.
//
// Where many are due at one instant, it is woken a little before, and writes their fires in a transaction that is committed when
// the instant has come: what is left to be done then is publishing. Nothing is seen of them earlier, by the relay neither. Only those
// are prepared so whose fires depend on nothing that may happen until then; and their rows are locked, so that a pause, an edit or
// a declaration comes before or after the fire, as ever. All times are the database server's: a replica's own clock decides
// nothing but how long to wait.
package leader
