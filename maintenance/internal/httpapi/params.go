package httpapi

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

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
	Since string `query:"since" doc:"from this time on: RFC 3339, or how long ago, as 15m; default: 24 h before until" example:"15m" maxLength:"64"`
	Until string `query:"until" doc:"before this time; default: now" maxLength:"64"`
}

func (w Window) times(now time.Time) (since, until time.Time, err error) {
	until = now.Add(ahead)
	if w.Until != "" {
		if until, err = moment("until", w.Until, now); err != nil {
			return since, until, err
		}
	}
	since = latest(until.Add(-defaultWindow), epoch())
	if w.Since != "" {
		if since, err = moment("since", w.Since, now); err != nil {
			return since, until, err
		}
	}
	if since.After(until) {
		err = invalid("since", "a time before until, which is "+until.UTC().Format(time.RFC3339))
	}
	return since, until, err
}

// epoch is the first moment of the log: no record is older, and no cursor.
func epoch() time.Time { return time.Unix(0, 0).UTC() }

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// moment reads a time, or how long ago it was. How long ago may lie before all time, and means its beginning; a time
// that is written out may not.
func moment(name, text string, now time.Time) (time.Time, error) {
	if ago, ok := howLong(text); ok {
		return latest(now.Add(-ago), epoch()), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return t, invalid(name, "a time like 2026-11-21T08:00:00Z, or how long ago, like 15m or 7d")
	}
	if t.Before(epoch()) || t.Year() > 9999 {
		return t, invalid(name, "a time from 1970 to 9999")
	}
	return t, nil
}

// howLong reads a duration of Go's, or a number of days or weeks; a minus before it means the same.
func howLong(text string) (time.Duration, bool) {
	text = strings.TrimPrefix(text, "-")
	if ago, err := time.ParseDuration(text); err == nil {
		return ago, ago >= 0
	}
	for end, unit := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if n, err := strconv.ParseUint(strings.TrimSuffix(text, end), 10, 16); err == nil && strings.HasSuffix(text, end) && n <= 15_000 {
			return time.Duration(n) * unit, true
		}
	}
	return 0, false
}

// known refuses parameters that a route does not have, as huma does for the typed ones: a misspelt one must not be
// passed over.
func known(in url.Values, names ...string) error {
	for name, values := range in {
		if !slices.Contains(names, name) {
			return invalid(name, "there is no such parameter here; there are "+strings.Join(names, ", "))
		}
		if len(values) > 1 {
			return invalid(name, "it stands there more than once")
		}
	}
	return nil
}

func invalid(name, detail string) error {
	return &problem.Error{Code: problem.Invalid, Detail: "the parameter " + name + " is not valid", Fields: []problem.Field{{Name: name, Detail: detail}}}
}

// expression reads a query; its error names the place, and shows it.
func expression(text string) (query.Expr, error) {
	e, err := query.Parse(text)
	var bad *query.Error
	if errors.As(err, &bad) {
		at := min(max(bad.Pos, 0), len(text))
		return nil, &problem.Error{Code: problem.Invalid, Detail: "the query cannot be read " + bad.Error(), Fields: []problem.Field{{
			Name: "q", Detail: bad.Detail, Position: utf8.RuneCountInString(text[:at]) + 1, Shown: bad.Show(text)}}}
	}
	return e, err
}

// recordID is a record's place as clients hold it: when it was, and which one then.
func recordID(k logs.Key) string {
	return strconv.FormatInt(k.TS.UnixMicro(), 36) + "_" + strconv.FormatInt(k.ID, 36)
}

// readID is recordID's way back; false for what is none.
func readID(text string) (logs.Key, bool) {
	at, id, _ := strings.Cut(text, "_")
	micro, err1 := strconv.ParseInt(at, 36, 64)
	number, err2 := strconv.ParseInt(id, 36, 64)
	k := logs.Key{TS: time.UnixMicro(micro).UTC(), ID: number}
	return k, err1 == nil && err2 == nil && plausible(k) && recordID(k) == text
}

func plausible(k logs.Key) bool { return !k.TS.Before(epoch()) && k.TS.Year() <= 9999 }

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
	if err != nil || order != oldest || cursor(*k, oldest) != text || !plausible(*k) {
		return nil, invalid("cursor", "next of the page before, with the same order")
	}
	return k, nil
}
