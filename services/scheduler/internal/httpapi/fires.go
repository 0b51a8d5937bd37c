package httpapi

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

type firesInput struct {
	Schedule string `query:"schedule" maxLength:"128" pattern:"^[a-z0-9._-]*$" doc:"only of this schedule"`
	State    string `query:"state" enum:"planned,published,received,done,failed,skipped" doc:"only in this state"`
	Limit    int    `query:"limit" default:"50" minimum:"1" maximum:"500"`
	Cursor   string `query:"cursor" maxLength:"512" doc:"next_cursor of the page before"`
}

type firesOutput struct{ Body api.Fires }

func (h handlers) fires(ctx context.Context, in *firesInput) (*firesOutput, error) {
	f := postgres.FireFilter{Scope: scope(ctx), Schedule: in.Schedule, State: api.State(in.State), Limit: in.Limit + 1}
	if in.Cursor != "" {
		var ok bool
		if f.Before, f.BeforeID, ok = readCursor(in.Cursor); !ok {
			return nil, &problem.Error{Code: problem.Invalid, Detail: "the cursor cannot be read",
				Fields: []problem.Field{{Name: "cursor", Detail: "give next_cursor of the page before, unchanged"}}}
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
