package debug_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) } //nolint:forcetypeassert // it is one

const user42 = `{"level":"DEBUG","user":"42"}`

// A flow that is stamped in one service goes on in another, and counts as one under way until its end in each.
func TestAFlowGoesFromServiceToService(t *testing.T) {
	t.Parallel()
	m := newMesh(t, "gateway", "catalogs")
	gateway, _ := m.flows("gateway")
	catalogs, _ := m.flows("catalogs")
	apply(t, gateway, m.debugLease("l-1", user42, time.Minute))

	other, _ := gateway.Match(t.Context(), debug.Request{User: "7"})
	if gateway.Active() || debug.Token(other) != "" {
		t.Fatal("another user's request is a flow")
	}
	ctx, end := gateway.Match(t.Context(), debug.Request{User: "42"})
	token := debug.Token(ctx)
	if !gateway.Active() || token == "" || len(token) > debug.MaxToken || debug.Lease(ctx) != "l-1" {
		t.Fatalf("active %v, token of %d bytes, lease %q", gateway.Active(), len(token), debug.Lease(ctx))
	}
	t.Logf("METRIC token_bytes=%d limit=%d", len(token), debug.MaxToken)

	there, done := catalogs.Enter(t.Context(), token)
	if !catalogs.Lets(there, slog.LevelDebug, false) || catalogs.Lets(there, slog.LevelDebug-1, false) || debug.Token(there) != token {
		t.Error("in the next service the flow does not log as in the first")
	}
	if catalogs.Lets(t.Context(), slog.LevelDebug, false) {
		t.Error("a context outside of the flow has its level")
	}
	for range 3 {
		done()
		end()
	}
	if gateway.Active() || catalogs.Active() {
		t.Error("a flow is under way after its end")
	}
	if catalogs.Lets(there, slog.LevelDebug, false) {
		t.Error("a flow has its level after its end")
	}
	if debug.Token(there) == "" {
		t.Error("what a request leaves behind is not of its flow")
	}
}

func TestWhatDoesNotHoldIsIgnoredAndCounted(t *testing.T) {
	t.Parallel()
	m := newMesh(t, "gateway", "catalogs")
	stranger := newMesh(t, "gateway")
	gateway, _ := m.flows("gateway")
	apply(t, gateway, m.debugLease("l-1", user42, time.Minute))
	ctx, end := gateway.Match(t.Context(), debug.Request{User: "42"})
	defer end()
	good := debug.Token(ctx)
	now := m.clock().UnixMilli()
	claims := func(change func(map[string]any)) string {
		c := map[string]any{"l": "l-1", "v": -4, "i": now, "e": now + 60_000}
		change(c)
		payload, err := json.Marshal(c)
		check(t, err)
		token, err := m.signers["gateway"].SignGrant(payload)
		check(t, err)
		return token
	}
	forged, err := stranger.signers["gateway"].SignGrant([]byte(fmt.Sprintf(`{"l":"l-1","v":-4,"i":%d,"e":%d}`, now, now+60_000)))
	check(t, err)
	message, err := m.signers["gateway"].SignMessage([]byte(fmt.Sprintf(`{"l":"l-1","v":-4,"i":%d,"e":%d}`, now, now+60_000)))
	check(t, err)
	caller, err := m.signers["gateway"].Token("catalogs")
	check(t, err)
	head, rest, _ := strings.Cut(good, ".")
	for _, c := range []struct{ name, token, reason string }{
		{"a stranger's key", forged, "forged"},
		{"a message, passed off as a grant", message, "forged"},
		{"a caller's token", caller, "forged"},
		{"a cut signature", good[:len(good)-4], "forged"},
		{"another head", strings.ToLower(head) + "." + rest, "forged"},
		{"no signature", head + ".e30.", "forged"},
		{"too long", good + strings.Repeat("A", debug.MaxToken), "oversized"},
		{"words", "let me in", "malformed"},
		{"line break", good + "\n", "malformed"},
		{"two parts", head + "." + head, "malformed"},
		{"over", claims(func(c map[string]any) { c["i"], c["e"] = now-60_000, now }), "expired"},
		{"an hour", claims(func(c map[string]any) { c["e"] = now + 3_600_000 }), "malformed"},
		{"from the future", claims(func(c map[string]any) { c["i"], c["e"] = now+120_000, now+180_000 }), "malformed"},
		{"no lease", claims(func(c map[string]any) { c["l"] = "" }), "malformed"},
		{"a lease like a line", claims(func(c map[string]any) { c["l"] = "x\ny" }), "malformed"},
		{"no end", claims(func(c map[string]any) { delete(c, "e") }), "malformed"},
		{"words for a level", claims(func(c map[string]any) { c["v"] = "DEBUG" }), "malformed"},
		{"a level below all", claims(func(c map[string]any) { c["v"] = -1 << 40 }), "malformed"},
		{"a negative budget", claims(func(c map[string]any) { c["n"] = -1 }), "malformed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			catalogs, metrics := m.flows("catalogs")
			for range 2 {
				ctx, end := catalogs.Enter(t.Context(), c.token)
				if catalogs.Lets(ctx, slog.LevelDebug, false) || catalogs.Active() || debug.Token(ctx) != "" {
					t.Error("it is believed")
				}
				end()
			}
			if n := rejected(t, metrics, c.reason); n != 2 {
				t.Errorf("counted %v times as %s", n, c.reason)
			}
		})
	}
}

// Whatever the lease's time, a token holds for 15 minutes at most, and never longer than its lease.
func TestTheEndOfAToken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ ttl, holds time.Duration }{
		"a short lease": {time.Minute, time.Minute}, "a long one": {24 * time.Hour, 15 * time.Minute}, "one that is kept": {0, 15 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMesh(t, "gateway", "catalogs")
			gateway, _ := m.flows("gateway")
			catalogs, metrics := m.flows("catalogs")
			l := m.debugLease("l-1", user42, c.ttl)
			if c.ttl == 0 {
				l.Until = time.Time{}
			}
			apply(t, gateway, l)
			ctx, end := gateway.Match(t.Context(), debug.Request{User: "42"})
			defer end()
			token := debug.Token(ctx)
			there, done := catalogs.Enter(t.Context(), token)
			defer done()
			m.pass(c.holds - time.Millisecond)
			if !catalogs.Lets(there, slog.LevelDebug, false) {
				t.Error("it is over too early")
			}
			m.pass(time.Millisecond)
			if catalogs.Lets(there, slog.LevelDebug, false) {
				t.Error("a flow outlasts its token")
			}
			if gateway.Lets(ctx, slog.LevelDebug, false) {
				t.Error("the first flow outlasts its token")
			}
			late, _ := catalogs.Enter(t.Context(), token)
			if catalogs.Lets(late, slog.LevelDebug, false) || rejected(t, metrics, "expired") != 1 {
				t.Error("a token holds that is over")
			}
		})
	}
}

// A token serves many requests, and another one is made while it has most of its life before it.
func TestTokensAreMadeAnew(t *testing.T) {
	t.Parallel()
	m := newMesh(t, "gateway")
	gateway, _ := m.flows("gateway")
	apply(t, gateway, m.debugLease("l-1", user42, 24*time.Hour))
	token := func() string {
		ctx, end := gateway.Match(t.Context(), debug.Request{User: "42"})
		defer end()
		return debug.Token(ctx)
	}
	first := token()
	m.pass(4 * time.Minute)
	if token() != first {
		t.Error("a token was made for nothing")
	}
	m.pass(2 * time.Minute)
	if token() == first {
		t.Error("an old token is given out")
	}
}

// A sidecar that knows the lease ends its flows with it, those of a token from elsewhere too.
func TestADroppedLeaseEndsItsFlows(t *testing.T) {
	t.Parallel()
	m := newMesh(t, "gateway", "catalogs")
	gateway, _ := m.flows("gateway")
	catalogs, metrics := m.flows("catalogs")
	one, two := m.debugLease("l-1", user42, time.Hour), m.debugLease("l-2", `{"level":"DEBUG-4","user":"7"}`, time.Hour)
	apply(t, gateway, one, two)
	apply(t, catalogs, one, two)
	ctx, end := gateway.Match(t.Context(), debug.Request{User: "42"})
	defer end()
	there, done := catalogs.Enter(t.Context(), debug.Token(ctx))
	defer done()
	token := debug.Token(ctx)
	apply(t, gateway, two)
	apply(t, catalogs, two)
	if gateway.Lets(ctx, slog.LevelDebug, false) || debug.Token(ctx) != "" {
		t.Error("the flow goes on where it began")
	}
	if catalogs.Lets(there, slog.LevelDebug, false) {
		t.Error("the flow goes on in the next service")
	}
	if _, _ = catalogs.Enter(t.Context(), token); rejected(t, metrics, "expired") != 1 {
		t.Error("a token of a dropped lease is believed")
	}
	apply(t, gateway)
	if gateway.Matching() {
		t.Error("without a lease requests are looked at")
	}
}

// What does not fit the budget is not written but counted, of the flows that come later too, until the lease ends.
func TestABudgetEndsTheFlows(t *testing.T) {
	t.Parallel()
	m := newMesh(t, "gateway", "catalogs")
	told := ""
	catalogs := debug.NewFlows(debug.Settings{Verify: m.bundle.VerifyGrant, Spent: func(id string, lines, bytes int64) { told += fmt.Sprintf("%s %d %d;", id, lines, bytes) },
		Shed: func(id string, lines int64) { told += fmt.Sprintf("%s shed %d;", id, lines) }})
	gateway, _ := m.flows("gateway")
	l := m.debugLease("l-1", user42, time.Minute)
	l.Lines, l.Bytes = 3, 250
	apply(t, gateway, l)
	apply(t, catalogs, l)
	ctx, end := gateway.Match(t.Context(), debug.Request{User: "42"})
	defer end()
	there, done := catalogs.Enter(t.Context(), debug.Token(ctx))
	defer done()
	lines := 0
	for range 10 {
		if catalogs.Lets(there, slog.LevelDebug, true) && catalogs.Pay(there, 100) {
			lines++
		}
	}
	if lines != 2 || told != "l-1 2 200;" {
		t.Errorf("%d lines, told %q", lines, told)
	}
	if !gateway.Lets(ctx, slog.LevelDebug, false) {
		t.Error("the budget of one instance is another's")
	}
	later, over := catalogs.Enter(t.Context(), debug.Token(ctx))
	defer over()
	matched, last := catalogs.Match(t.Context(), debug.Request{User: "42"})
	defer last()
	for _, in := range []context.Context{later, matched} {
		if catalogs.Lets(in, slog.LevelDebug, true) || catalogs.Lets(in, slog.LevelDebug, false) || catalogs.Lets(in, slog.LevelDebug-4, true) {
			t.Error("a flow begins after the budget is spent")
		}
	}
	apply(t, catalogs)
	if told != "l-1 2 200;l-1 shed 10;" {
		t.Errorf("told %q", told)
	}
}

// What an earlier process has used of a budget is gone from it, whatever else is leased meanwhile.
func TestABudgetGoesOnFromWhatWasUsed(t *testing.T) {
	t.Parallel()
	m := newMesh(t, "catalogs")
	f, _ := m.flows("catalogs")
	l := m.debugLease("l-1", user42, time.Minute)
	l.Lines, l.Used = 10, lease.Use{Lines: 7, Bytes: 700}
	apply(t, f, l)
	ctx, end := f.Match(t.Context(), debug.Request{User: "42"})
	defer end()
	lines := 0
	for range 5 {
		if f.Lets(ctx, slog.LevelDebug, true) && f.Pay(ctx, 100) {
			lines++
		}
		apply(t, f, l, m.debugLease("l-2", user42, time.Minute))
	}
	used := ""
	f.Used(func(id string, lines, bytes int64) { used += fmt.Sprintln(id, lines, bytes) })
	if lines != 3 || used != "l-1 10 1000\n" {
		t.Errorf("%d lines passed, used: %s", lines, used)
	}
	apply(t, f)
	f.Used(func(id string, _, _ int64) { t.Errorf("%s is over, and still counted", id) })
}

func TestTheLowestLevelWins(t *testing.T) {
	t.Parallel()
	m := newMesh(t, "gateway")
	gateway, _ := m.flows("gateway")
	apply(t, gateway, m.debugLease("weak", `{"level":"DEBUG-4","user":"42"}`, time.Minute), m.debugLease("strong", `{"level":"DEBUG","route":"/x"}`, time.Minute))
	ctx, end := gateway.Match(t.Context(), debug.Request{User: "42", Route: "/x"})
	defer end()
	if !gateway.Lets(ctx, slog.LevelDebug-4, false) || gateway.Lets(ctx, slog.LevelDebug-5, false) || debug.Lease(ctx) != "weak" {
		t.Errorf("by %s", debug.Lease(ctx))
	}
	again, done := gateway.Match(ctx, debug.Request{Route: "/x"})
	defer done()
	if again != ctx {
		t.Error("a flow was begun for less")
	}
}

func TestRefusedConditions(t *testing.T) {
	t.Parallel()
	m := newMesh(t, "gateway")
	gateway, _ := m.flows("gateway")
	refused := gateway.Apply([]lease.Lease{m.debugLease("bad", `{"level":"DEBUG"}`, time.Minute), m.debugLease("good", user42, time.Minute)})
	if len(refused) != 1 || refused["bad"] == nil || !gateway.Matching() {
		t.Errorf("refused: %v", refused)
	}
}

// Without a key what matches logs here, and nobody else is asked to believe it.
func TestWithoutAKey(t *testing.T) {
	t.Parallel()
	f := debug.NewFlows(debug.Settings{})
	apply(t, f, lease.Lease{ID: "l-1", Value: user42})
	ctx, end := f.Match(t.Context(), debug.Request{User: "42"})
	defer end()
	if !f.Lets(ctx, slog.LevelDebug, false) || debug.Token(ctx) != "" {
		t.Errorf("it is not let through, or with the token %q", debug.Token(ctx))
	}
	if ctx, _ := f.Enter(t.Context(), "a.b.c"); debug.Lease(ctx) != "" {
		t.Error("without a bundle a token is believed")
	}
}

func TestNoFlows(t *testing.T) {
	t.Parallel()
	var none *debug.Flows
	ctx, end := none.Enter(t.Context(), "x")
	end()
	ctx, end = none.Match(ctx, debug.Request{})
	end()
	if none.Lets(ctx, slog.LevelError, true) || none.Stranger(ctx) || !none.Pay(ctx, 1) || none.Active() || none.Matching() || none.Token(ctx) != "" {
		t.Error("no flows do something")
	}
}

// Leases come and go while requests do; run with -race.
func TestFlowsAtOnce(t *testing.T) {
	t.Parallel()
	m := newMesh(t, "gateway")
	gateway, _ := m.flows("gateway")
	var parts sync.WaitGroup
	for range 4 {
		parts.Go(func() {
			for range 200 {
				ctx, end := gateway.Match(context.Background(), debug.Request{User: "42"})
				inner, done := gateway.Enter(context.Background(), debug.Token(ctx))
				gateway.Lets(inner, slog.LevelDebug, true)
				gateway.Pay(inner, 1)
				done()
				end()
			}
		})
	}
	parts.Go(func() {
		for i := range 200 {
			if i%2 == 0 {
				gateway.Apply([]lease.Lease{m.debugLease("l-1", user42, time.Minute)})
			} else {
				gateway.Apply(nil)
			}
		}
	})
	parts.Wait()
	if gateway.Active() {
		t.Error("a flow is left over")
	}
}

func BenchmarkFlows(b *testing.B) {
	m := newMesh(b, "gateway")
	f, _ := m.flows("gateway")
	ctx := b.Context()
	b.Run("Lets, no flow", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f.Lets(ctx, slog.LevelDebug, true)
		}
	})
	apply(b, f, m.debugLease("l-1", user42, time.Hour))
	r := debug.Request{User: "7", Method: "GET", Route: "/api/catalogs/v1/types"}
	b.Run("Match, not matching", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f.Match(ctx, r)
		}
	})
	r.User = "42"
	mine, end := f.Match(ctx, r)
	defer end()
	b.Run("Lets, another's flow", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f.Lets(ctx, slog.LevelDebug, true)
		}
	})
	b.Run("Lets, in the flow", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f.Lets(mine, slog.LevelDebug, true)
		}
	})
	token := debug.Token(mine)
	b.Run("Enter and end", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, done := f.Enter(ctx, token)
			done()
		}
	})
}
