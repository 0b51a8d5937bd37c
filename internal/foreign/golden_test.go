package foreign_test

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signalbox-mesh/signalbox/internal/foreign"
)

var update = flag.Bool("update", false, "write the golden files anew")

// settings are the same on every machine.
func settings() foreign.Settings {
	now := time.Date(2026, 11, 21, 7, 0, 0, 0, time.UTC)
	return foreign.Settings{Now: func() time.Time { return now }, Location: time.FixedZone("", 3600)}
}

func records(s foreign.Settings, text []byte) (all []foreign.Record) {
	st := foreign.NewStream(s, func(r foreign.Record) { all = append(all, r) })
	_, _ = st.Write(text)
	st.Close()
	return all
}

// show writes records as one JSON line each, the format before it.
func show(all []foreign.Record) string {
	var b bytes.Buffer
	for _, r := range all {
		b.WriteString(string(r.Format) + " ")
		rec := slog.NewRecord(r.Time, r.Level, r.Message, 0)
		if r.Logger != "" {
			rec.AddAttrs(slog.String("-logger", r.Logger))
		}
		if r.TraceID != "" {
			rec.AddAttrs(slog.String("-trace", r.TraceID+"/"+r.SpanID))
		}
		rec.AddAttrs(r.Attrs...)
		_ = slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: foreign.LevelTrace}).Handle(context.Background(), rec)
	}
	return b.String()
}

// What each format's real lines become. The lines of servers, compilers, interpreters and the package manager were
// taken from them; those of other programs are the examples of their documents.
func TestGolden(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/*.log")
	if err != nil || len(names) < 15 {
		t.Fatalf("%d logs, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := show(records(settings(), text))
			golden := strings.TrimSuffix(name, ".log") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
				t.Error(d)
			}
		})
	}
}
