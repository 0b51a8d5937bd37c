package fleet

import (
	"cmp"
	"slices"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

// record is what is to outlive this process; used is what each budget has come to by now.
func (l *leases) record(s stamp, now time.Time, used map[string]lease.Use) record {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := record{stamp: s, Service: l.service, Instance: l.instance, Revision: l.heard.highest}
	for _, one := range l.held {
		is, ok := used[one.ID]
		if !ok {
			is = l.before[one.ID].Use
		}
		r.Leases = append(r.Leases, recordOf(one.Lease, earlier{is, one.spent}, now))
	}
	slices.SortFunc(r.Leases, func(a, b recorded) int { return cmp.Compare(a.ID, b.ID) })
	return r
}

// resume takes up what an earlier process has held and is not over, and says how many are. The first Sync replaces it.
func (l *leases) resume(r record, now time.Time, passed time.Duration, known bool) (taken, over int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard.reset(r.Revision)
	var events []Event
	for _, one := range r.Leases {
		in, holds := one.lease(now, passed, known)
		if is := (earlier{lease.Use{Lines: one.UsedLines, Bytes: one.UsedBytes}, one.Spent}); is != (earlier{}) {
			l.before[in.ID] = is // also where no clock says whether it is over: a Sync may
		}
		if !holds || !in.Matches(l.service, l.instance) {
			over++
			continue
		}
		l.put(in)
		events = append(events, Event{LeaseID: in.ID, What: Resumed, After: in.Value, Detail: described(in) + remains(in, now)})
	}
	l.push()
	l.note(events...)
	return len(events), over
}

func remains(l lease.Lease, now time.Time) string {
	if l.Kept() {
		return ", kept"
	}
	return ", " + l.Until.Sub(now).Round(time.Second).String() + " left"
}

// resume takes up what the disk holds, which must not make a lease any longer: its time counts from the record, and
// where no clock says how much of it has passed, it is over.
func (a *Agent) resume() {
	now := time.Now()
	r, ok := a.keeper.load(a.settings.Service, a.settings.Instance)
	if !ok {
		return
	}
	passed, known := a.keeper.clocks.passed(r.stamp)
	a.events.restore(r.Events)
	up, gone := a.leases.resume(r, now, passed, known)
	a.metrics.resumed.WithLabelValues(takenUp).Add(float64(up))
	a.metrics.resumed.WithLabelValues(over).Add(float64(gone))
}

func (a *Agent) record() record {
	s, now := a.keeper.clocks.stamp(), time.Now()
	var used map[string]lease.Use
	if a.settings.Used != nil {
		used = a.settings.Used()
	}
	r := a.leases.record(s, now, used)
	r.Events = a.events.all()
	return r
}
