package logs

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Snapshot tells which transactions a moment of the store shows: PostgreSQL's pg_snapshot.
type Snapshot struct {
	Xmin   uint64   // all before are visible
	Xmax   uint64   // from here on none is
	Active []uint64 // of those between, the ones that are not; ascending
}

// maxActive bounds what a stranger may send as a snapshot.
const maxActive = 1024

// ParseSnapshot reads what String writes, and PostgreSQL: 10:20:10,14.
func ParseSnapshot(text string) (*Snapshot, error) {
	parts := strings.SplitN(text, ":", 3)
	if len(parts) != 3 {
		return nil, fmt.Errorf("%.40q is no snapshot", text)
	}
	xmin, err1 := strconv.ParseUint(parts[0], 10, 63)
	xmax, err2 := strconv.ParseUint(parts[1], 10, 63)
	s := &Snapshot{Xmin: xmin, Xmax: xmax}
	if err := errors.Join(err1, err2); err != nil || xmin > xmax {
		return nil, fmt.Errorf("%.40q is no snapshot", text)
	}
	for part := range strings.SplitSeq(parts[2], ",") {
		if part == "" && parts[2] == "" {
			break
		}
		tx, err := strconv.ParseUint(part, 10, 63)
		if err != nil || tx < xmin || tx >= xmax || len(s.Active) == maxActive {
			return nil, fmt.Errorf("%.40q is no snapshot", text)
		}
		s.Active = append(s.Active, tx)
	}
	slices.Sort(s.Active)
	return s, nil
}

// Sees reports whether what the transaction stored is visible.
func (s *Snapshot) Sees(tx uint64) bool {
	if tx < s.Xmin || tx >= s.Xmax {
		return tx < s.Xmin
	}
	_, active := slices.BinarySearch(s.Active, tx)
	return !active
}

func (s *Snapshot) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d:%d:", s.Xmin, s.Xmax)
	for i, tx := range s.Active {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(tx, 10))
	}
	return b.String()
}

// Shows reports whether a record stored by the transaction lies in the delta; a nil one has all.
func (d *Delta) Shows(tx uint64) bool {
	return d == nil || (d.Seen == nil || !d.Seen.Sees(tx)) && (d.Upto == nil || d.Upto.Sees(tx))
}
