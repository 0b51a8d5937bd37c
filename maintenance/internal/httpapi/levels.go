package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
)

// Level is what is so of one logger on one live instance, as it last reported.
type Level struct {
	Service     string `json:"service"`
	Instance    string `json:"instance"`
	Logger      string `json:"logger" doc:"empty: the root"`
	Configured  string `json:"configured"`
	Leased      string `json:"leased,omitempty" doc:"missing: nothing is changed"`
	Effective   string `json:"effective"`
	LeaseID     string `json:"lease_id,omitempty" doc:"what makes the effective level; one that was made on the instance itself begins with local-"`
	Owner       string `json:"owner,omitempty"`
	Reason      string `json:"reason,omitempty"`
	Keep        bool   `json:"keep,omitempty" doc:"it holds until it is dropped"`
	RemainingMS int64  `json:"remaining_ms,omitempty"`
}

type levelsIn struct {
	Service  string `query:"service" maxLength:"256"`
	Instance string `query:"instance" maxLength:"256"`
	Logger   string `query:"logger" doc:"this logger and those below it" maxLength:"256"`
	Cursor   string `query:"cursor" doc:"next of the page before" maxLength:"1200"`
	Limit    int    `query:"limit" minimum:"1" maximum:"10000" default:"1000"`
}

type levelsOut struct {
	Body struct {
		Levels []Level `json:"levels" doc:"by service, instance and logger"`
		Next   string  `json:"next,omitempty" doc:"cursor of the next page; missing: this is the last"`
	}
}

func (h *Handlers) listLevels(ctx context.Context, in *levelsIn) (*levelsOut, error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	s := scope(ctx)
	if in.Service != "" {
		s = narrow(s, []string{in.Service})
	}
	instances, err := h.settings.Fleet.Instances(ctx, s)
	if err != nil {
		return nil, h.failed(err)
	}
	held, err := h.settings.Leases.Leases(ctx, scope(ctx), lease.Filter{Kind: "level", Limit: maxHeld})
	if err != nil {
		return nil, h.failed(err)
	}
	byID := map[string]lease.Lease{}
	for _, l := range held {
		byID[l.ID] = l
	}
	rows := []Level{}
	for _, i := range instances {
		if i.State == fleet.Live && (in.Instance == "" || in.Instance == i.Instance) {
			rows = append(rows, levelsOf(i, in.Logger, byID)...)
		}
	}
	out := &levelsOut{}
	out.Body.Levels, out.Body.Next = page(rows, after, in.Limit)
	return out, h.nameLocal(ctx, out.Body.Levels)
}

// page of the rows that come after a place, and the cursor of the next one; "": there is none. An instance that comes or goes
// between two pages moves no other row.
func page(rows []Level, after []string, limit int) (some []Level, next string) {
	slices.SortFunc(rows, func(a, b Level) int { return slices.Compare(a.place(), b.place()) })
	first, _ := slices.BinarySearchFunc(rows, after, func(l Level, after []string) int {
		if after == nil || slices.Compare(l.place(), after) > 0 {
			return 1
		}
		return -1
	})
	if rows = rows[first:]; len(rows) <= limit {
		return rows, ""
	}
	raw, _ := json.Marshal(rows[limit-1].place()) // texts
	return rows[:limit], base64.RawURLEncoding.EncodeToString(raw)
}

func (l Level) place() []string { return []string{l.Service, l.Instance, l.Logger} }

// after is the place that the cursor names; nil: the beginning.
func (in *levelsIn) after() (place []string, err error) {
	if in.Cursor == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(in.Cursor)
	if err != nil || json.Unmarshal(raw, &place) != nil || len(place) != 3 {
		return nil, invalid("cursor", "next of the page before")
	}
	return place, nil
}

// nameLocal says who has changed levels on the instances themselves, as far as they have told.
func (h *Handlers) nameLocal(ctx context.Context, rows []Level) error {
	var ids []string
	for _, row := range rows {
		if row.LeaseID != "" && row.Owner == "" {
			ids = append(ids, row.LeaseID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	told, err := h.settings.Leases.LocalChanges(ctx, ids)
	if err != nil {
		return h.failed(err)
	}
	for i, row := range rows {
		for _, e := range told {
			if e.LeaseID == row.LeaseID && e.Service == row.Service && e.Instance == row.Instance {
				rows[i].Owner, rows[i].Reason = e.Actor, e.Detail
			}
		}
	}
	return nil
}

// maxHeld is more than are ever in force at once.
const maxHeld = 10_000

func levelsOf(i fleet.Instance, logger string, held map[string]lease.Lease) (rows []Level) {
	var all []lease.Logger
	if json.Unmarshal(i.Loggers, &all) != nil {
		return nil
	}
	for _, l := range all {
		if logger != "" && l.Name != logger && !strings.HasPrefix(l.Name, logger+".") {
			continue
		}
		row := Level{Service: i.Service, Instance: i.Instance, Logger: l.Name, Configured: l.Configured, Leased: l.Leased, Effective: l.Effective, LeaseID: l.LeaseID}
		if by, ok := held[l.LeaseID]; ok {
			row.Owner, row.Reason, row.Keep, row.RemainingMS = by.OwnerName, by.Reason, by.Keep, by.Remaining.Milliseconds()
		}
		rows = append(rows, row)
	}
	return rows
}
