package outbox

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	raiseAfter  = 500         // rows relayed, or
	raiseEvery  = time.Second // whatever is relayed
	reviewEvery = time.Minute // at the earliest since the last one, and
	reviewShare = 1000        // so that no more than this part of the time goes into it
)

// floor is an id below which no row is pending, and none will be. What was published leaves its entries in the index of
// the pending ones for as long as anybody holds a transaction open, and a pass that began at the first of them would
// take longer and longer.
//
// It rises in rounds. A round notes the highest id that can be seen, and then who is writing into the outbox. Each lower id was
// given out before, to one who was writing already: he is among those, or has ended. Once all of those have ended, every
// row up to that id is there to be seen, or will never be, and the floor rises to the first of them that is pending. So a
// lower id that is committed after a higher one is never passed by. A prepared transaction that outlives its server is another
// one by name, so while there is such a one no round ends. Safe for concurrent use.
type floor struct {
	mu      sync.Mutex
	id      int64
	round   int      // that is under way
	highest int64    // id of it
	writers []string // of it; virtual transactions
	relayed int      // since the last look
	looked  time.Time
	review  time.Time // when all that is pending is looked for again, whatever the floor
}

// sight is what one look has seen, in this order.
type sight struct {
	highest int64
	writers []string
	lowest  *int64 // pending, from the floor to the round's highest; nil: none
	review  *int64 // pending, of all; nil: none, or it was not asked for
}

// queue asks for a look, if it is time for one, and returns the floor; see says afterwards what was seen, or that the batch
// has failed.
func (f *floor) queue(batch *pgx.Batch) (id int64, see func(error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.relayed < raiseAfter && time.Since(f.looked) < raiseEvery {
		return f.id, func(error) {}
	}
	start := time.Now()
	f.relayed, f.looked = 0, start
	review := f.looked.After(f.review)
	var seen sight
	batch.Queue(`SELECT coalesce(max(id), 0) FROM outbox`).QueryRow(func(row pgx.Row) error { return row.Scan(&seen.highest) })
	batch.Queue(`SELECT coalesce(array_agg(DISTINCT virtualtransaction), '{}') FROM pg_locks WHERE locktype = 'relation' AND relation = 'outbox'::regclass
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND mode NOT IN ('AccessShareLock', 'RowShareLock', 'ShareUpdateExclusiveLock')`). // readers, relays, vacuum
		QueryRow(func(row pgx.Row) error { return row.Scan(&seen.writers) })
	batch.Queue(`SELECT min(id) FROM outbox WHERE published_at IS NULL AND id >= $1 AND id <= $2`, f.id, f.highest).
		QueryRow(func(row pgx.Row) error { return row.Scan(&seen.lowest) })
	if review { // somebody may have set a row back, or brought one with an id of his own
		batch.Queue(`SELECT min(id) FROM outbox WHERE published_at IS NULL`).QueryRow(func(row pgx.Row) error { return row.Scan(&seen.review) })
	}
	round := f.round
	return f.id, func(err error) {
		if review { // one that has failed, too: it took too long, and may again
			f.postpone(time.Since(start))
		}
		if err == nil {
			f.see(round, seen)
		}
	}
}

// postpone the next review by what the last one took: it walks over all that was published, as far as that is still kept.
func (f *floor) postpone(took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.review = time.Now().Add(max(reviewEvery, reviewShare*took))
}

// see takes into account what a look has seen that was made in this round.
func (f *floor) see(round int, seen sight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case round != f.round:
	case seen.highest < f.highest: // lost with the server's last commits, and their ids are given out again; or pruned
		f.id = 0
		f.next(seen)
	case f.ended(seen.writers):
		if f.id = max(f.id, f.highest+1); seen.lowest != nil {
			f.id = *seen.lowest
		}
		f.next(seen)
	}
	if seen.review != nil {
		f.id = min(f.id, *seen.review)
	}
}

// next begins another round.
func (f *floor) next(seen sight) {
	f.round, f.highest, f.writers = f.round+1, seen.highest, seen.writers
}

// restored begins the name of a transaction that was prepared before the server's start.
const restored = "-1/"

// ended says that nobody who was writing when the round began is among those who are now.
func (f *floor) ended(now []string) bool {
	return !slices.ContainsFunc(now, func(w string) bool { return strings.HasPrefix(w, restored) || slices.Contains(f.writers, w) })
}

// at is the floor now.
func (f *floor) at() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.id
}

// Floor is an id below which no row of the outbox is pending, and none will be: who counts those that are begins there, or walks
// over all that was published. It rises while Run relays; before that it is 0.
func (o *Outbox) Floor() int64 { return o.floor.at() }

// count rows that were relayed.
func (f *floor) count(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.relayed += n
}
