package timing

import "time"

// Spec says when something is due. Exactly one of Cron, Every, Calendar and At is set.
type Spec struct {
	Cron     string        // 5 or 6 fields, @daily and the like, names, lists, L, #
	Every    time.Duration // whole seconds
	Anchor   time.Time     // of Every; zero: the Unix epoch; whole seconds
	Calendar []string      // local times, "2006-01-02 15:04" or with seconds
	At       time.Time     // once; whole seconds
	TimeZone string        // IANA; "": UTC
	Start    time.Time     // nothing is due before it; zero: open
	End      time.Time     // nothing is due at it or later; zero: open
	Except   []string      // local days "2006-01-02", ranges of days "2006-01-02/2006-01-09", cron lines whose times are left out
	Jitter   time.Duration // every due time is later by one fixed span below it, drawn from Seed; whole seconds
	Seed     string        // the schedule's name
}

// Bounds of a Spec.
const (
	maxEvery    = 366 * 24 * time.Hour
	maxCron     = 256 // characters
	maxCalendar = 1000
	maxExcept   = 1000
	maxLeftOut  = 10 // cron lines among Except
	maxJitter   = 24 * time.Hour
	maxYear     = 9999
)
