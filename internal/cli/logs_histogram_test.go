package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC)
	h := histogram{Since: start, Until: start.Add(58 * time.Minute), Step: 60, Levels: map[string]int64{}, Gaps: []gap{{
		Service: "catalogs", Instance: "catalogs-1", Class: "info", FromSeq: 1, Cause: "tail unknown", FromTS: at(start.Add(30 * time.Minute)), ToTS: at(start.Add(32 * time.Minute))}}}
	for i := range 58 {
		b := bucket{From: start.Add(time.Duration(i) * time.Minute), Levels: map[string]int64{"INFO": int64(100 + i*10)}}
		if i%7 == 0 {
			b.Levels["WARN"] = int64(i)
		}
		if i == 31 {
			b.Levels["ERROR"], b.Levels["ERROR+4"] = 12, 1
		}
		for level, n := range b.Levels {
			h.Levels[level] += n
			h.Records += n
		}
		h.Buckets = append(h.Buckets, b)
	}
	raw, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	m, url := newLogMesh(t, map[string]string{"/histogram": string(raw)})
	code, stdout, stderr := logsCall(t, url, "histogram", "--utc", "--exact", "level>=info")
	if code != 0 || stderr != "" {
		t.Fatal(code, stderr)
	}
	golden(t, "histogram.txt", stdout)
	if m.query(t, "buckets") != "58" {
		t.Errorf("asked for %s buckets on 90 columns", m.query(t, "buckets"))
	}
	for l := range strings.Lines(stdout) {
		if cells(strings.TrimRight(l, "\n")) > 90 && !strings.HasPrefix(l, "---") {
			t.Errorf("wider than the terminal: %q", l)
		}
	}
}

// A level between the named ones is drawn with the one below, unless each is asked for; what is below all stays itself.
func TestAHistogramIsByNamedLevels(t *testing.T) {
	t.Parallel()
	h := histogram{Step: 60, Records: 10, Levels: map[string]int64{"INFO": 1, "INFO+2": 2, "ERROR+4": 3, "DEBUG-4": 4},
		Buckets: []bucket{{From: clock(), Levels: map[string]int64{"INFO": 1, "INFO+2": 2, "ERROR+4": 3, "DEBUG-4": 4}}}}
	raw, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ flag, with, without string }{{"--utc", "INFO            3 │", "+"}, {"--exact", "INFO+2          2 │", "INFO            3"}, {"--json", `"ERROR+4": 3`, "│"}} {
		_, url := newLogMesh(t, map[string]string{"/histogram": string(raw)})
		code, stdout, _ := logsCall(t, url, "histogram", c.flag)
		if code != 0 || !strings.Contains(stdout, c.with) || strings.Contains(stdout, c.without) || !strings.Contains(stdout, "DEBUG-4") {
			t.Errorf("%s: %d\n%s", c.flag, code, stdout)
		}
	}
}

// What has no room is drawn together, and still adds up.
func TestAHistogramFitsTheTerminal(t *testing.T) {
	t.Parallel()
	h := histogram{Step: 60, Levels: map[string]int64{"INFO": 1440}, Records: 1440}
	for i := range 1440 {
		h.Buckets = append(h.Buckets, bucket{From: clock().Add(time.Duration(i) * time.Minute), Levels: map[string]int64{"INFO": 1}})
	}
	f := h.folded(58)
	sum := int64(0)
	for _, b := range f.Buckets {
		sum += b.Levels["INFO"]
	}
	if len(f.Buckets) > 58 || sum != 1440 || f.Step != 25*60 {
		t.Errorf("%d bars of %v s with %d records", len(f.Buckets), f.Step, sum)
	}
}

func at(t time.Time) *time.Time { return &t }
