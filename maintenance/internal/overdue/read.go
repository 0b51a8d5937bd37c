package overdue

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// schedule as the scheduler's events have it.
type schedule struct {
	Name    string `json:"name"`
	Service string `json:"service"`
	timed.Spec
	Paused   bool  `json:"paused"`
	Revision int64 `json:"revision"`
}

func (s schedule) plan() Plan {
	return Plan{Name: s.Name, Service: s.Service, Spec: s.Spec, Revision: s.Revision, Paused: s.Paused}
}

// ReadChange of an event scheduler.schedule.changed.
func ReadChange(data []byte) (Change, error) {
	var e struct {
		Action   string    `json:"action"`
		At       time.Time `json:"at"`
		Schedule schedule  `json:"schedule"`
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return Change{}, fmt.Errorf("read the change of a schedule: %w", err)
	}
	if e.Schedule.Name == "" || e.Action == "" {
		return Change{}, errors.New("read the change of a schedule: without a name or an action")
	}
	c := Change{Plan: e.Schedule.plan(), At: e.At.UTC()}
	c.Retired = e.Action == "retired"
	return c, nil
}

// ReadAnnounced of an event scheduler.plan.announced.
func ReadAnnounced(data []byte) ([]Change, error) {
	var e struct {
		Schedules []struct {
			schedule
			SettledTo time.Time `json:"settled_to"`
		} `json:"schedules"`
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("read the announced schedules: %w", err)
	}
	all := make([]Change, 0, len(e.Schedules))
	for _, s := range e.Schedules {
		if s.Name == "" || s.SettledTo.IsZero() {
			return nil, errors.New("read the announced schedules: one without a name or settled_to")
		}
		all = append(all, Change{Plan: s.plan(), At: s.SettledTo.UTC(), Settled: true})
	}
	return all, nil
}

// ReadEnds of an event scheduler.fires.ended, by schedule. What was run by hand or backfilled is no due time of the plan.
func ReadEnds(data []byte) (map[string][]End, error) {
	var e struct {
		Fires []struct {
			Schedule string     `json:"schedule"`
			Due      time.Time  `json:"due"`
			Until    *time.Time `json:"until"`
			Manual   bool       `json:"manual"`
			State    string     `json:"state"`
			Reason   string     `json:"reason"`
		} `json:"fires"`
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("read the fires that have ended: %w", err)
	}
	all := map[string][]End{}
	for _, f := range e.Fires {
		if f.Manual || f.Schedule == "" {
			continue
		}
		end := End{Due: f.Due.UTC(), Until: f.Due.UTC(), State: f.State, Reason: f.Reason}
		if f.Until != nil {
			end.Until = latest(f.Until.UTC(), end.Due)
		}
		all[f.Schedule] = append(all[f.Schedule], end)
	}
	return all, nil
}
