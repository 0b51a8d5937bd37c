package postgres

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// KeyHTTP is the key, on bus.Schedule, of fires whose target is http: every replica of the scheduler takes them from
// one queue.
const KeyHTTP = "scheduler.target.http"

// fireEntry puts a fire into the outbox, for expires at most: what is older is not worth handling. try counts the
// publications of this attempt that no queue took; at is when it fires, by the server's clock.
func (s *Store) fireEntry(f timed.Fire, target string, try int, expires time.Duration, at time.Time) (outbox.Entry, error) {
	data, err := json.Marshal(f)
	if err != nil {
		return outbox.Entry{}, fmt.Errorf("encode fire %s: %w", f.ID, err)
	}
	key := f.Schedule
	if target == timed.TargetHTTP {
		key = KeyHTTP
	}
	return outbox.Entry{Publication: bus.Publication{
		Exchange: bus.Schedule, Key: key, Expires: max(expires, time.Second),
		Event: bus.Event{ID: eventID(f.ID, f.Attempt, try), Source: s.source, Type: timed.EventFired, Subject: f.ID, Time: at, Data: data},
	}}, nil
}

// eventID is the fire's own for its first publication; then the attempt follows, and the try: no inbox by event
// takes two publications for one.
func eventID(fire string, attempt, try int) string {
	switch {
	case attempt <= 1 && try == 0:
		return fire
	case try == 0:
		return fmt.Sprintf("%s/%d", fire, attempt)
	default:
		return fmt.Sprintf("%s/%d.%d", fire, max(attempt, 1), try)
	}
}

// attemptOf an event of the given fire.
func attemptOf(fire, event string) int {
	text, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(event, fire), "/"), ".")
	n, err := strconv.Atoi(text)
	if err != nil {
		return 1
	}
	return n
}

// Bounds of one event that tells of ends; the bus takes a MiB.
const (
	maxEnded      = 500
	maxEndedBytes = 800 << 10
)

// ends tells that fires reached their end; a later, better end of one has an event of its own.
func (s *Store) ends(fires []api.Fire) (entries []outbox.Entry, err error) {
	var part []json.RawMessage
	size := 0
	flush := func() error {
		if len(part) == 0 {
			return nil
		}
		body, err := json.Marshal(map[string]any{"fires": part}) // as api.FiresEnded
		if err == nil {
			entries = append(entries, s.event(api.EventFiresEnded, "", "", body))
		}
		part, size = nil, 0
		return err
	}
	for _, f := range fires {
		one, err := json.Marshal(f)
		if err != nil {
			return nil, fmt.Errorf("encode the end of fire %s: %w", f.ID, err)
		}
		if len(part) == maxEnded || size+len(one) > maxEndedBytes {
			if err := flush(); err != nil {
				return nil, err
			}
		}
		part, size = append(part, one), size+len(one)
	}
	return entries, flush()
}
