package ops

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Root is the root logger's name in a path.
const Root = "root"

// MaxTTL bounds a change made past the fleet.
const MaxTTL = time.Hour

var loggerName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

type loggers struct{ Settings }

// state is one logger as shown.
type state struct {
	Logger     string      `json:"logger"`
	Configured slog.Level  `json:"configured"`
	Leased     *slog.Level `json:"leased,omitempty"`
	LeaseID    string      `json:"lease_id,omitempty"`
	Effective  slog.Level  `json:"effective"`
	Owner      string      `json:"owner,omitempty"`
	Reason     string      `json:"reason,omitempty"`
	Until      *time.Time  `json:"until,omitempty"` // none where the lease is kept
	Remaining  int64       `json:"remaining_ms,omitempty"`
}

func (l *loggers) shown(s level.State) state {
	out := state{Logger: named(s.Logger), Configured: s.Configured, Leased: s.Leased, LeaseID: s.LeaseID, Effective: s.Effective}
	held, ok := l.Lease(s.LeaseID)
	if !ok {
		return out
	}
	out.Owner, out.Reason = held.Owner, held.Reason
	if !held.Kept() {
		until := held.Until.UTC()
		out.Until, out.Remaining = &until, max(0, time.Until(held.Until).Milliseconds())
	}
	return out
}

func (l *loggers) list(w http.ResponseWriter, _ *http.Request) {
	all := []state{}
	for _, s := range l.Levels.States() {
		all = append(all, l.shown(s))
	}
	answer(w, map[string]any{"loggers": all})
}

func (l *loggers) show(w http.ResponseWriter, r *http.Request) {
	for _, s := range l.Levels.States() {
		if one := l.shown(s); one.Logger == r.PathValue("name") {
			answer(w, one)
			return
		}
	}
	problem.Write(w, r, problem.New(problem.NotFound, "no logger of this name has been used here"))
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(v)
}

// change is the last resort: it works when view-service, bus and database do not.
func (l *loggers) change(w http.ResponseWriter, r *http.Request) {
	if err := l.permitted(r); err != nil {
		l.audit(r, "local level change refused", slog.String("reason", err.Detail))
		problem.Write(w, r, err)
		return
	}
	c, err := read(w, r)
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	c.Actor = actor(r)
	o := l.Override.OverrideLocal(c)
	l.audit(r, "local level change", slog.String("target", o.Logger), slog.String("level", o.Level.String()),
		slog.Duration("ttl", c.TTL), slog.String("reason", c.Reason), slog.String("lease_id", o.ID))
	answer(w, o)
}

// reset ends a change before its time.
func (l *loggers) reset(w http.ResponseWriter, r *http.Request) {
	if err := l.permitted(r); err != nil {
		l.audit(r, "local level change refused", slog.String("reason", err.Detail))
		problem.Write(w, r, err)
		return
	}
	name, err := loggerOf(r)
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	id, ok := l.Override.ResetLocal(name, actor(r))
	if !ok {
		problem.Write(w, r, problem.New(problem.NotFound, "no level was set here for this logger"))
		return
	}
	l.audit(r, "local level change ended", slog.String("target", named(name)), slog.String("lease_id", id))
	w.WriteHeader(http.StatusNoContent)
}

// actor is all that is known of who holds the ops token.
func actor(r *http.Request) string {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	return "ops token from " + host
}

// permitted: from this machine, not through a proxy, and with the token.
func (l *loggers) permitted(r *http.Request) *problem.Error {
	if !fromLoopback(r) {
		return problem.New(problem.Forbidden, "levels are changed here from the machine itself only")
	}
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	got, want := sha256.Sum256([]byte(strings.TrimSpace(token))), sha256.Sum256([]byte(l.Token))
	if l.Token == "" || !strings.EqualFold(kind, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		return problem.New(problem.Unauthorized, "the ops token of this machine is needed")
	}
	return nil
}

func fromLoopback(r *http.Request) bool {
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if len(r.Header.Values(h)) > 0 {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// request is the body of a POST.
type request struct {
	Level  string `json:"level"`
	TTL    string `json:"ttl"`
	Reason string `json:"reason"`
}

func read(w http.ResponseWriter, r *http.Request) (c Wanted, err error) {
	if c.Logger, err = loggerOf(r); err != nil {
		return c, err
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10))
	dec.DisallowUnknownFields()
	var body request
	if err := dec.Decode(&body); err != nil {
		return c, problem.Wrap(problem.Invalid, "the body must be a JSON object with level, ttl and reason", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return c, problem.New(problem.Invalid, "the body must be one JSON object")
	}
	return c, body.into(&c)
}

// loggerOf is the logger that a path names, "" for the root.
func loggerOf(r *http.Request) (string, error) {
	name := r.PathValue("name")
	if !loggerName.MatchString(name) || len(name) > 200 {
		return "", invalid("name", "a logger's name is words with dots between")
	}
	if name == Root {
		return "", nil
	}
	return name, nil
}

func (b request) into(c *Wanted) error {
	if err := c.Level.UnmarshalText([]byte(b.Level)); err != nil {
		return invalid("/level", "must be debug, info, warn or error")
	}
	ttl, err := time.ParseDuration(b.TTL)
	if err != nil || ttl <= 0 || ttl > MaxTTL {
		return invalid("/ttl", "must be a duration above 0 and up to 1h, such as 10m")
	}
	c.TTL = ttl
	if c.Reason = strings.TrimSpace(b.Reason); c.Reason == "" || len(c.Reason) > 500 {
		return invalid("/reason", "must say why, in up to 500 bytes")
	}
	return nil
}

func invalid(field, detail string) error {
	return &problem.Error{Code: problem.Invalid, Detail: "the change is not valid", Fields: []problem.Field{{Name: field, Detail: detail}}}
}

func (l *loggers) audit(r *http.Request, text string, attrs ...slog.Attr) {
	logging.Audit(r.Context(), l.Audit, text, append(attrs, slog.String("client_address", r.RemoteAddr))...)
}
