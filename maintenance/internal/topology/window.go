package topology

import "time"

// SnapshotAge lies between two snapshots of an instance's edges.
const SnapshotAge = time.Minute

// Window is what an instance had counted one to two minutes ago, by which rates are reckoned, and a younger snapshot that takes
// its place. The zero value is that of an instance which has reported at most once.
type Window struct{ Before, Next Snapshot }

// Behind is the window once a report has come, behind the last one of the same epoch.
func (w Window) Behind(last Snapshot, report time.Time) Window {
	switch {
	case w.Before.At.IsZero():
		return Window{last, last}
	case report.Sub(w.Next.At) > SnapshotAge:
		return Window{w.Next, last}
	default:
		return w
	}
}
