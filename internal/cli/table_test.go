package cli

import (
	"bytes"
	"strings"
	"testing"
)

func widest(text string) (n int) {
	for line := range strings.Lines(text) {
		n = max(n, cells(strings.TrimRight(line, "\n")))
	}
	return n
}

// On a terminal the widest columns give way, the others are whole; elsewhere, and where it is wanted, all is.
func TestATableFitsTheTerminal(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("instance-", 10)
	show := func(s screen, wide bool) string {
		var out bytes.Buffer
		table := newTable(&out, "SERVICE", "INSTANCE", "VERSION", "NOTE").fit(s, wide)
		table.row("catalogs", long, strings.Repeat("é", 40), "")
		table.row("gateway", "gateway-1", "v1", "drained")
		if err := table.flush(); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	narrow := show(screen{terminal: true, cells: 60}, false)
	if widest(narrow) > 60 || strings.Count(narrow, "…") != 2 || !strings.Contains(narrow, "drained") || !strings.Contains(narrow, "catalogs   instance-") {
		t.Errorf("on 60 cells:\n%s", narrow)
	}
	whole := "catalogs   " + long + "   " + strings.Repeat("é", 40) + "\n"
	for name, text := range map[string]string{"a pipe": show(screen{cells: 60}, false), "--wide": show(screen{terminal: true, cells: 60}, true),
		"a wide terminal": show(screen{terminal: true, cells: 200}, false)} {
		if !strings.Contains(text, whole) {
			t.Errorf("%s:\n%s", name, text)
		}
	}
	if tiny := show(screen{terminal: true, cells: 10}, false); widest(tiny) != 8+3+8+3+8+3+7 {
		t.Errorf("where nothing has room:\n%s", tiny)
	}
}

// The numbers of a grid stay whole, whatever else gives way.
func TestAGridFitsTheTerminal(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"RECORDS", "INSTANCE", "CAUSE"}, {"1 000 000 000 000", strings.Repeat("pod-", 20), strings.Repeat("why ", 20)}}
	for _, c := range []struct {
		wide bool
		fits bool
	}{{false, true}, {true, false}} {
		var out bytes.Buffer
		l := &lines{out: &out, screen: screen{terminal: true, cells: 64}, wide: c.wide}
		if err := l.grid(rows, 1, func(int, int) string { return "" }); err != nil {
			t.Fatal(err)
		}
		if text := out.String(); (widest(text) <= 64) != c.fits || !strings.Contains(text, "1 000 000 000 000  pod-pod-") || strings.Contains(text, "…") != c.fits {
			t.Errorf("wide=%v:\n%s", c.wide, text)
		}
	}
}

func TestATokensTimeIsInDaysAndWeeksToo(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"20d": "480h0m0s", "2w": "336h0m0s", "1d12h": "36h0m0s", "90m": "1h30m0s"} {
		m := &mesh{bodies: map[string]string{"POST " + senderTokensPath: `{"token":"the-token"}`}}
		code, out, errs := call(t, nil, "", "token", "logs", "--service", "shop", "--ttl", text, "--url", m.start(t), "--token", "t")
		m.mu.Lock()
		asked := strings.Join(m.asked, " ")
		m.mu.Unlock()
		if code != 0 || out != "the-token\n" || !strings.Contains(asked, `"ttl":"`+want+`"`) {
			t.Errorf("--ttl %s: %d %q %q, asked %s", text, code, out, errs, asked)
		}
	}
}

// A token is listed without itself, and taken back by its id.
func TestTokensAreListedAndTakenBack(t *testing.T) {
	t.Parallel()
	m := &mesh{bodies: map[string]string{
		"GET " + senderTokensPath: `{"items":[{"id":"one","services":["shop","till"],"issued_at":"2026-01-01T00:00:00Z","expires_at":"2999-01-01T00:00:00Z"},
			{"id":"two","services":["*"],"issued_at":"2026-01-01T00:00:00Z","expires_at":"2999-01-01T00:00:00Z","revoked_at":"2026-01-02T00:00:00Z"},
			{"id":"three","services":["*"],"issued_at":"2020-01-01T00:00:00Z","expires_at":"2020-01-02T00:00:00Z"}]}`,
		"DELETE " + senderTokensPath + "/one": ""}}
	url := m.start(t)
	if code, out, errs := call(t, nil, "", "token", "list", "--url", url, "--token", "t"); code != 0 || !strings.Contains(out, "one   shop,till") || strings.Contains(out, "two") || strings.Contains(out, "three") {
		t.Errorf("%d %s %s", code, out, errs)
	}
	if _, out, _ := call(t, nil, "", "token", "list", "--all", "--url", url, "--token", "t"); !strings.Contains(out, "revoked 2026-01-0") || !strings.Contains(out, "ended") {
		t.Errorf("all: %s", out)
	}
	if code, out, errs := call(t, nil, "", "token", "revoke", "one", "--url", url, "--token", "t"); code != 0 || out != "one is revoked\n" {
		t.Errorf("%d %s %s", code, out, errs)
	}
	if code, _, errs := call(t, nil, "", "token", "revoke", "nosuch", "--url", url, "--token", "t"); code == 0 || !strings.Contains(errs, "revoke nosuch") {
		t.Errorf("%d %s", code, errs)
	}
}
