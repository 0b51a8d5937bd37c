package httpapi

import (
	"context"
	"encoding/base64"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

type firesInput struct {
	Schedule string    `query:"schedule" maxLength:"128" pattern:"^[a-z0-9._-]*$" doc:"only of this schedule"`
	Service  string    `query:"service" maxLength:"64" pattern:"^[a-z0-9-]*$" doc:"only of this service"`
	State    string    `query:"state" enum:"waiting,planned,published,received,done,failed,skipped" doc:"only in this state"`
	Reason   string    `query:"reason" enum:"paused,window,overlap-skipped,misfire-skipped,too-late,no-leader,broker-down,invalid-schedule,edited,retired,nobody-listening,handler-failed,deadline,no-receipt,cancelled,overlap,catch-up,backfill" doc:"only with this reason"`
	From     time.Time `query:"from" doc:"due at it or later"`
	To       time.Time `query:"to" doc:"due before it"`
	Backfill string    `query:"backfill" maxLength:"32" pattern:"^[a-z0-9]*$" doc:"only of this backfill"`
	Limit    int       `query:"limit" default:"50" minimum:"1" maximum:"500"`
	Cursor   string    `query:"cursor" maxLength:"512" doc:"next_cursor of the page before"`
}

type firesOutput struct{ Body api.Fires }

// FirePath is the fire that a path names; exported so that huma looks into it.
type FirePath struct {
	ID string `path:"id" maxLength:"256" doc:"<schedule>@<due>, escaped as a path wants it"`
}

type fireOutput struct{ Body api.Fire }

type cancelInput struct {
	FirePath
	Body *api.Cancel `required:"false"`
}

func (h *API) fires(ctx context.Context, in *firesInput) (*firesOutput, error) {
	f := postgres.FireFilter{Scope: scope(ctx), Schedule: in.Schedule, Service: in.Service, State: api.State(in.State),
		Reason: api.Reason(in.Reason), From: in.From, To: in.To, Backfill: in.Backfill, Limit: in.Limit + 1}
	if in.Cursor != "" {
		var ok bool
		if f.Before, f.BeforeID, ok = readCursor(in.Cursor); !ok {
			return nil, badCursor()
		}
	}
	items, err := h.Ledger.Fires(ctx, f)
	if err != nil {
		return nil, answer(err)
	}
	out := &firesOutput{api.Fires{Items: items}}
	if len(items) > in.Limit {
		out.Body.Items = items[:in.Limit]
		out.Body.NextCursor = cursor(items[in.Limit-1])
	}
	return out, nil
}

func (h *API) fire(ctx context.Context, in *FirePath) (*fireOutput, error) {
	f, _, err := h.permittedFire(ctx, in.ID, access.Viewer)
	if err != nil {
		return nil, err
	}
	return &fireOutput{f}, nil
}

func (h *API) permittedFire(ctx context.Context, id string, role access.Role) (api.Fire, access.Principal, error) {
	f, err := h.Ledger.Fire(ctx, id)
	if err != nil {
		return f, access.Principal{}, answer(err)
	}
	p, err := allowed(ctx, f.Service, role, postgres.ErrNoFire)
	return f, p, err
}

// BackfillPath is the backfill that a path names; exported so that huma looks into it.
type BackfillPath struct {
	ID string `path:"id" minLength:"1" maxLength:"32" pattern:"^[a-z0-9]+$"`
}

type backfilledOutput struct{ Body api.Backfilled }

func (h *API) backfilled(ctx context.Context, in *BackfillPath) (*backfilledOutput, error) {
	b, err := h.Ledger.Backfilled(ctx, in.ID)
	if err != nil {
		return nil, answer(err)
	}
	if _, err := allowed(ctx, b.Service, access.Viewer, postgres.ErrNoBackfill); err != nil {
		return nil, err
	}
	return &backfilledOutput{b}, nil
}

func (h *API) cancel(ctx context.Context, in *cancelInput) (*fireOutput, error) {
	f, p, err := h.permittedFire(ctx, in.ID, access.Operator)
	if err != nil {
		return nil, err
	}
	note := ""
	if in.Body != nil {
		note = in.Body.Note
	}
	done, err := h.Ledger.Cancel(ctx, f.ID, p.Name, note)
	if err != nil {
		return nil, answer(err)
	}
	h.audit(ctx, p, "fire cancelled", f.Schedule, slog.String("fire", f.ID), slog.String("note", note), slog.String("state", string(f.State)))
	return &fireOutput{done}, nil
}

// cursor is opaque to callers: where a page ended in the order (due, id).
func cursor(last api.Fire) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(last.Due.UnixMicro(), 10) + " " + last.ID))
}

func readCursor(text string) (due time.Time, id string, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return time.Time{}, "", false
	}
	micros, id, found := strings.Cut(string(raw), " ")
	n, err := strconv.ParseInt(micros, 10, 64)
	const farthest = 1 << 53 // microseconds: the year 2255, within what the database holds
	if !found || err != nil || n < -farthest || n > farthest || strings.ContainsRune(id, 0) || !utf8.ValidString(id) {
		return time.Time{}, "", false
	}
	return time.UnixMicro(n).UTC(), id, true
}
