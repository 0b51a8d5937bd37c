package maintenance

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

func TestKeeping(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*Keeping){
		"":                       func(*Keeping) {},
		"LOG_RETENTION":          func(k *Keeping) { k.Retention = time.Hour },
		"LOG_RETENTION_DEBUG":    func(k *Keeping) { k.RetentionDebug = time.Hour },
		"LOG_RETENTION_ERROR":    func(k *Keeping) { k.RetentionError = 400 * 24 * time.Hour },
		"LOG_RETENTION_SERVICES": func(k *Keeping) { k.RetentionServices = "catalogs=24h,gateway.loud=2h" },
		"LOG_MAX_SIZE":           func(k *Keeping) { k.MaxSize = "5 apples" },
	} {
		k := DefaultConfig().Keeping
		edit(&k)
		if got, problem := k.Wrong(); got != name || (name != "") != (problem != "") {
			t.Errorf("%s: %s %s", name, got, problem)
		}
	}
	for text, want := range map[string]int64{"": 0, "0": 0, "500MB": 500e6, "1.5 GiB": 3 << 29, "70000000": 7e7, "2TB": 2e12, "1KiB": -1, "-5GB": -1, "1e30TB": -1, "NaN": -1, "MB": -1} {
		got, err := Keeping{MaxSize: text}.maxBytes()
		if (err != nil) != (want < 0) || (err == nil && got != want) {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for text, want := range map[string]int{"": 0, "catalogs=24h": 4, "a=24h, b.debug=2h,": 5, "a=1h": -1, "a": -1, "=24h": -1, "a.=24h": -1} {
		got, err := Keeping{RetentionServices: text}.services()
		if (err != nil) != (want < 0) || (err == nil && len(got) != want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestRetentionByLevelAndByService(t *testing.T) {
	t.Parallel()
	c := DefaultConfig()
	c.Retention, c.RetentionDebug, c.RetentionError = 24*time.Hour, 3*time.Hour, 72*time.Hour
	c.RetentionServices = "gateway=3h,identity.info=4h"
	m := fresh(t, c)
	for _, ago := range []time.Duration{0, 5 * time.Hour, 30 * time.Hour, 80 * time.Hour} {
		var all []record.Record
		for _, service := range []string{"catalogs", "gateway", "identity"} {
			for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
				all = append(all, record.Record{TS: time.Now().Add(-ago), Service: service, Instance: "1", Level: level, Attrs: []byte("{}")})
			}
		}
		if _, err := m.store.Write(t.Context(), all); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 3 { // once while all blocks are fresh, then when they are joined
		if round == 2 {
			if _, _, err := m.store.Seal(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.Retain(t.Context(), nil, timed.Fire{}); err != nil {
			t.Fatal(err)
		}
		for service, want := range map[string]string{
			"catalogs": "-4:1 0:2 4:2 8:3", "gateway": "-4:1 0:1 4:1 8:1", "identity": "-4:1 0:1 4:2 8:3",
		} {
			if got := levels(t, m, service); got != want {
				t.Errorf("round %d: of %s are left %s, want %s", round, service, got, want)
			}
		}
	}
	if got := count(t, m, `SELECT count(*) FROM log_directory d WHERE NOT EXISTS (SELECT FROM log_blocks b WHERE b.id = d.id AND b.tier = d.tier)`); got != 0 {
		t.Errorf("%d heads have no block", got)
	}
	if _, size, err := m.store.Partitions(t.Context()); err != nil || size == 0 {
		t.Errorf("size %d, %v", size, err)
	}
	if first, ok := first(nil); ok {
		t.Errorf("of nothing %v may go", first)
	}
}

func levels(t *testing.T, m *Maintenance, service string) (text string) {
	t.Helper()
	err := m.settings.DB.Pool().QueryRow(t.Context(), `SELECT string_agg(level || ':' || n, ' ' ORDER BY level)
		FROM (SELECT level, count(*) AS n FROM logs WHERE service = $1 GROUP BY level) l`, service).Scan(&text)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(text)
}
