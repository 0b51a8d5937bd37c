package intake

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/connectivity"
)

// State of the spool.
type State struct {
	Waiting int            // records that the store has not acknowledged, those of earlier runs included
	Bytes   int64          // on disk
	Dropped map[string]int // records that are not in the store and will not be, by reason
}

// State reads the spool's own metrics.
func (s *Sender) State() (State, error) {
	st := State{Dropped: map[string]int{}}
	families, err := s.registry.Gather()
	if err != nil {
		return st, fmt.Errorf("look at the spool: %w", err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			switch family.GetName() {
			case "signalbox_log_spool_records":
				st.Waiting += int(m.GetGauge().GetValue())
			case "signalbox_log_spool_bytes":
				st.Bytes = int64(m.GetGauge().GetValue())
			case "signalbox_log_dropped_total":
				for _, l := range m.GetLabel() {
					if n := int(m.GetCounter().GetValue()); l.GetName() == "reason" && n > 0 {
						st.Dropped[l.GetValue()] += n
					}
				}
			}
		}
	}
	return st, nil
}

// Trouble is why nothing can be shipped now; nil while that is not known to be so.
func (s *Sender) Trouble() error {
	if s.web != nil {
		if err := s.web.latest(); err != nil {
			return err
		}
		return s.logs.Progress()
	}
	if s.conn.GetState() == connectivity.TransientFailure {
		return errUnreached
	}
	return s.logs.Progress()
}

var errUnreached = errors.New("view-service does not answer")
