package health

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	lib "github.com/alexliesenfeld/health"
)

// Report is the current state; it never runs a check and never waits for one.
func (h *Health) Report() Report {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := Report{
		Status:   h.status(),
		Service:  h.settings.Service,
		Instance: h.settings.Instance,
		Version:  h.settings.Version,
		Since:    h.since,
		Window:   h.window(time.Now()),
		Checks:   make([]CheckReport, 0, len(h.checks)),
	}
	for _, st := range h.checks {
		r.Checks = append(r.Checks, st.report())
	}
	slices.SortFunc(r.Checks, func(a, b CheckReport) int { return strings.Compare(a.Name, b.Name) })
	return r
}

func (s *state) report() CheckReport {
	c := CheckReport{
		Name:     s.Name,
		Node:     s.Node,
		Status:   s.status,
		Weight:   s.Weight.String(),
		Duration: s.lastedFor.Round(time.Microsecond).String(),
		Since:    s.since,
	}
	if !s.ranAt.IsZero() {
		c.Age = time.Since(s.ranAt).Round(time.Millisecond).String()
	}
	if s.err != nil {
		c.Error = mask(s.err.Error())
	}
	return c
}

// serves reports whether traffic should come here.
func (s Status) serves() bool { return s == Up || s == Degraded }

// reporter shows Health to the library's handler as one of its checkers.
type reporter struct {
	lib.Checker
	health *Health
}

// Check answers from memory. The report travels in Info, so that body and status code are of one
// moment; every state without traffic is down to the library.
func (r reporter) Check(context.Context) lib.CheckerResult {
	report := r.health.Report()
	result := lib.CheckerResult{Status: lib.StatusDown, Info: map[string]any{reportKey: report}}
	if report.Status.serves() {
		result.Status = lib.StatusUp
	}
	return result
}

const reportKey = "report"

// writer puts our report in the place of the library's result.
type writer struct{}

func (writer) Write(result *lib.CheckerResult, code int, w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if report, ok := result.Info[reportKey].(Report); ok && report.Window != nil && report.Window.RemainingMS > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt((report.Window.RemainingMS+999)/1000, 10))
	}
	w.WriteHeader(code)
	if r.Method == http.MethodHead {
		return nil
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(result.Info[reportKey])
}

func hcHandler(h *Health) http.Handler {
	return lib.NewHandler(reporter{health: h}, lib.WithResultWriter(writer{}))
}
