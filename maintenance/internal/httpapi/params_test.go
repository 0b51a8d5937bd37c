package httpapi

import (
	"errors"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// How long ago may reach behind the beginning of all time: it means the beginning, and the cursor of such a page is
// one that is taken back.
func TestTimes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		in           Window
		since, until string // "": refused
	}{
		{Window{}, "2026-11-20T12:15:00Z", "2026-11-21T12:15:00Z"},
		{Window{Since: "15m"}, "2026-11-21T11:45:00Z", "2026-11-21T12:15:00Z"},
		{Window{Since: "-15m"}, "2026-11-21T11:45:00Z", "2026-11-21T12:15:00Z"},
		{Window{Since: "7d", Until: "1w"}, "2026-11-14T12:00:00Z", "2026-11-14T12:00:00Z"},
		{Window{Since: "999999h"}, "1970-01-01T00:00:00Z", "2026-11-21T12:15:00Z"},
		{Window{Until: "1970-01-01T05:00:00Z"}, "1970-01-01T00:00:00Z", "1970-01-01T05:00:00Z"},
		{Window{Since: "1970-01-01T00:00:00+02:00"}, "", ""},
		{Window{Since: "1969-12-31T23:59:59Z"}, "", ""},
		{Window{Since: "--15m"}, "", ""},
		{Window{Since: "yesterday"}, "", ""},
		{Window{Since: "5m", Until: "10m"}, "", ""},
		{Window{Until: "99999d"}, "", ""},
	} {
		since, until, err := c.in.times(now)
		if c.since == "" {
			var p *problem.Error
			if !errors.As(err, &p) || p.Code != problem.Invalid || len(p.Fields) != 1 {
				t.Errorf("%+v: %v", c.in, err)
			}
			continue
		}
		if err != nil || since.UTC().Format(time.RFC3339) != c.since || until.UTC().Format(time.RFC3339) != c.until {
			t.Errorf("%+v: %v to %v, %v", c.in, since, until, err)
		}
		for _, oldest := range []bool{true, false} {
			k := logs.Key{TS: since}
			if got, err := readCursor(cursor(k, oldest), oldest); err != nil || !got.TS.Equal(since) {
				t.Errorf("%+v: the cursor at its beginning: %v, %v", c.in, got, err)
			}
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	k := logs.Key{TS: time.UnixMicro(1_795_262_531_123_456).UTC(), ID: 4_097_123}
	if got, ok := readID(recordID(k)); !ok || got != k {
		t.Errorf("%s: %v %v", recordID(k), got, ok)
	}
	for _, text := range []string{"", "_", "x", "1", "1_", "_1", "-1_5", "1_2_3", "01_2", "ZZ_1", "zzzzzzzzzzzzz_1", "1_zzzzzzzzzzzzzzz", "15m"} {
		if got, ok := readID(text); ok {
			t.Errorf("%q is %v", text, got)
		}
	}
}

// The place of a mistake is counted in characters, and shown.
func TestMistakesInAQueryNameThePlace(t *testing.T) {
	t.Parallel()
	_, err := expression("größe:x level>=laut")
	var p *problem.Error
	if !errors.As(err, &p) || len(p.Fields) != 1 {
		t.Fatal(err)
	}
	if f := p.Fields[0]; f.Name != "q" || f.Position != 16 || f.Shown == "" || f.Detail == "" {
		t.Errorf("%+v", f)
	}
}

// A bucket has a width that people read with ease, and there are no more than asked for.
func TestWidths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   histogramIn
		span time.Duration
		want time.Duration
	}{
		{histogramIn{Buckets: 60}, time.Hour, 2 * time.Minute},
		{histogramIn{Buckets: 61}, time.Hour, time.Minute},
		{histogramIn{Buckets: 100}, 24 * time.Hour, 15 * time.Minute},
		{histogramIn{Buckets: 1}, time.Hour, time.Hour},
		{histogramIn{Buckets: 2}, 365 * 24 * time.Hour, 183 * 24 * time.Hour},
		{histogramIn{Buckets: 100, Every: "30s"}, time.Hour, 30 * time.Second},
		{histogramIn{Every: "1d"}, time.Hour, 24 * time.Hour},
		{histogramIn{Every: "1us"}, time.Hour, 0},
		{histogramIn{Every: "often"}, time.Hour, 0},
	} {
		got, err := c.in.width(c.span)
		if got != c.want || (err != nil) != (c.want == 0) {
			t.Errorf("%+v of %v: %v %v, want %v", c.in, c.span, got, err, c.want)
		}
	}
}
