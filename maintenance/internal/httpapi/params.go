package httpapi

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

const (
	defaultWindow = 24 * time.Hour
	ahead         = 15 * time.Minute // records may be that far before our clock
)

// Window is the time that a request asks for: RFC 3339, or how long ago ("15m"). Without since, it is the
// last 24 h before until.
type Window struct {
	Since string `query:"since" doc:"from this time on: RFC 3339, or how long ago, as 15m; default: 24 h before until" example:"15m"`
	Until string `query:"until" doc:"before this time; default: now"`
}

func (w Window) times(now time.Time) (since, until time.Time, err error) {
	until = now.Add(ahead)
	if w.Until != "" {
		if until, err = moment("until", w.Until, now); err != nil {
			return since, until, err
		}
	}
	since = until.Add(-defaultWindow)
	if w.Since != "" {
		since, err = moment("since", w.Since, now)
	}
	return since, until, err
}

func moment(name, text string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(strings.TrimPrefix(text, "-")); err == nil {
		return now.Add(-ago), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return t, invalid(name, "a time like 2026-11-21T08:00:00Z, or how long ago, like 15m")
	}
	return t, nil
}

func invalid(name, detail string) error {
	return &problem.Error{Code: problem.Invalid, Detail: "the parameter " + name + " is not valid", Fields: []problem.Field{{Name: name, Detail: detail}}}
}

// expression reads a query; its error names the place.
func expression(text string) (query.Expr, error) {
	e, err := query.Parse(text)
	var bad *query.Error
	if errors.As(err, &bad) {
		return nil, &problem.Error{Code: problem.Invalid, Detail: "the query cannot be read " + bad.Error(),
			Fields: []problem.Field{{Name: "q", Detail: bad.Error()}}}
	}
	return e, err
}

// cursor is a place in the log as clients hold it: opaque, bound to its order.
func cursor(k logs.Key, oldest bool) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "1,%d,%d,%t", k.TS.UnixMicro(), k.ID, oldest))
}

func readCursor(text string, oldest bool) (*logs.Key, error) {
	if text == "" {
		return nil, nil
	}
	var micro, id int64
	var order bool
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		_, err = fmt.Sscanf(string(raw), "1,%d,%d,%t", &micro, &id, &order)
	}
	k := &logs.Key{TS: time.UnixMicro(micro).UTC(), ID: id}
	if err != nil || order != oldest || cursor(*k, oldest) != text || k.TS.Year() < 1970 || k.TS.Year() > 9999 {
		return nil, invalid("cursor", "next of the page before, with the same order")
	}
	return k, nil
}
