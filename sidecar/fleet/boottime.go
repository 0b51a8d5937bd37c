package fleet

import "time"

// clocks tell how much time has passed over a restart of the process.
type clocks struct {
	wall func() time.Time
	// boot names the boot of the machine and says how long ago it was, sleep included; ok is false where that is
	// not known.
	boot func() (id string, since time.Duration, ok bool)
}

// stamp is a point in time that a later process of this machine, or of another, can measure from.
type stamp struct {
	Boot  string        `json:"boot_id,omitempty"`
	Since time.Duration `json:"boottime_ns,omitempty"` // CLOCK_BOOTTIME
	Wall  int64         `json:"wall_ms"`               // Unix milliseconds
}

func (c clocks) stamp() stamp {
	s := stamp{Wall: c.wall().UnixMilli()}
	if id, since, ok := c.boot(); ok {
		s.Boot, s.Since = id, since
	}
	return s
}

// passed is the time from s until now: exact within one boot, else by the wall clock. ok is false when the clock says
// that s is yet to come: then nothing is known.
func (c clocks) passed(s stamp) (_ time.Duration, ok bool) {
	now := c.stamp()
	passed := time.Duration(now.Wall-s.Wall) * time.Millisecond
	if s.Boot != "" && s.Boot == now.Boot {
		passed = now.Since - s.Since
	}
	return passed, passed >= 0
}
