package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

const secret = "correct horse battery"

func TestSignInGivesAWorkingToken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := r.user("Anna", secret, map[string]any{"role": "viewer", "services": []string{"catalogs"}})
	a := r.signIn("ANNA", secret, "192.0.2.1")
	want(t, a, http.StatusOK, "")
	if a.body["expires_in"] != 300.0 || a.str("token_type") != "Bearer" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s %v", a.text, a.header)
	}
	me := r.call("GET", "/me", a.str("access_token"), nil)
	want(t, me, http.StatusOK, "")
	if me.str("id") != id || me.str("name") != "Anna" {
		t.Errorf("me is %s", me.text)
	}
}

func TestRefreshRotates(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("anna", secret)
	first := r.signIn("anna", secret, "192.0.2.1").str("refresh_token")
	second := r.refresh(first)
	want(t, second, http.StatusOK, "")
	want(t, r.refresh(second.str("refresh_token")), http.StatusOK, "")
}

func (r *rig) refresh(token string) answer {
	r.t.Helper()
	return r.call("POST", "/sessions/refresh", "", map[string]string{"refresh_token": token})
}

func TestReuseRevokesTheFamily(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("anna", secret)
	stolen := r.signIn("anna", secret, "192.0.2.1").str("refresh_token")
	other := r.signIn("anna", secret, "192.0.2.1").str("refresh_token")
	live := r.refresh(stolen).str("refresh_token")
	want(t, r.refresh(stolen), http.StatusUnauthorized, "unauthorized")
	want(t, r.refresh(live), http.StatusUnauthorized, "unauthorized")
	want(t, r.refresh(other), http.StatusOK, "")
	if !strings.Contains(r.logged(), `"detail":"reused, session revoked"`) {
		t.Error("the reuse is not in the audit trail")
	}
}

// TestOneWinsARace: of many uses of one token at once at most one succeeds, and the family is dead after.
func TestOneWinsARace(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("anna", secret)
	token := r.signIn("anna", secret, "192.0.2.1").str("refresh_token")
	answers := make([]answer, 8)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = r.refresh(token) })
	}
	wg.Wait()
	var won []answer
	for _, a := range answers {
		if a.status == http.StatusOK {
			won = append(won, a)
		}
	}
	if len(won) != 1 {
		t.Fatalf("%d of 8 uses succeeded, want 1", len(won))
	}
	want(t, r.refresh(won[0].str("refresh_token")), http.StatusUnauthorized, "unauthorized")
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	enable := func(r *rig, id string) {
		want(r.t, r.call("PATCH", "/users/"+id, r.admin, map[string]any{"disabled": false}), 200, "")
	}
	cases := map[string]func(r *rig, id, token string){
		"idle": func(r *rig, _, _ string) { r.advance(time.Hour + time.Second) },
		"sign-out": func(r *rig, _, token string) {
			want(r.t, r.call("DELETE", "/sessions/current", "", map[string]string{"refresh_token": token}), 204, "")
			want(r.t, r.call("DELETE", "/sessions/current", "", map[string]string{"refresh_token": token}), 204, "")
		},
		"disabled and enabled again": func(r *rig, id, _ string) {
			want(r.t, r.call("PATCH", "/users/"+id, r.admin, map[string]any{"disabled": true}), 200, "")
			enable(r, id)
		},
		"new password": func(r *rig, id, _ string) {
			want(r.t, r.call("PUT", "/users/"+id+"/password", r.admin, map[string]any{"password": "another long one"}), 204, "")
		},
	}
	for name, end := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			id := r.user("anna", secret)
			token := r.signIn("anna", secret, "192.0.2.1").str("refresh_token")
			end(r, id, token)
			want(t, r.refresh(token), http.StatusUnauthorized, "unauthorized")
		})
	}
}

func TestSessionHasALongestTime(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("anna", secret)
	token := r.signIn("anna", secret, "192.0.2.1").str("refresh_token")
	for range 3 {
		r.advance(50 * time.Minute)
		a := r.refresh(token)
		want(t, a, http.StatusOK, "")
		token = a.str("refresh_token")
	}
	r.advance(31 * time.Minute)
	want(t, r.refresh(token), http.StatusUnauthorized, "unauthorized")
}

func TestRefusalsReadTheSame(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("anna", secret)
	disabled := r.user("bert", secret)
	want(t, r.call("POST", "/users", r.admin, map[string]any{"name": "carl"}), http.StatusCreated, "")
	want(t, r.call("PATCH", "/users/"+disabled, r.admin, map[string]any{"disabled": true}), http.StatusOK, "")
	var texts []string
	for name, plain := range map[string]string{
		"anna": "wrong password", "nobody": secret, "bert": secret, "carl": secret, "' or 1=1 --": secret, "\u202eadmin": "x", "😀": strings.Repeat("x", 1024),
	} {
		a := r.signIn(name, plain, "192.0.2.1")
		want(t, a, http.StatusUnauthorized, "unauthorized")
		texts = append(texts, a.text)
	}
	slices.Sort(texts)
	if len(slices.Compact(texts)) != 1 {
		t.Errorf("refusals differ: %q", texts)
	}
}

func TestThrottleByName(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("anna", secret)
	for range 5 {
		want(t, r.signIn("anna", "wrong", "192.0.2.1"), http.StatusUnauthorized, "unauthorized")
	}
	a := r.signIn("AnNa", secret, "192.0.2.99")
	want(t, a, http.StatusTooManyRequests, "too_many")
	if a.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q, want 1", a.header.Get("Retry-After"))
	}
	r.advance(1100 * time.Millisecond)
	want(t, r.signIn("anna", "wrong", "192.0.2.1"), http.StatusUnauthorized, "unauthorized")
	if a := r.signIn("anna", secret, "192.0.2.1"); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") != "2" {
		t.Errorf("after a sixth failure: %d, Retry-After %q, want 2", a.status, a.header.Get("Retry-After"))
	}
	r.advance(2100 * time.Millisecond)
	want(t, r.signIn("anna", secret, "192.0.2.1"), http.StatusOK, "")
	want(t, r.signIn("anna", "wrong", "192.0.2.1"), http.StatusUnauthorized, "unauthorized")
	want(t, r.signIn("anna", secret, "192.0.2.1"), http.StatusOK, "")
}

func TestThrottleByAddress(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("anna", secret)
	for i := range 50 {
		want(t, r.signIn("guess-"+strings.Repeat("x", i), "wrong", "2001:db8::1"), http.StatusUnauthorized, "")
	}
	want(t, r.signIn("anna", secret, "2001:db8::beef"), http.StatusTooManyRequests, "too_many")
	want(t, r.signIn("anna", secret, "192.0.2.1"), http.StatusOK, "")
}

// TestParallelGuessesAreBounded: guesses that run at once cannot outrun the count.
func TestParallelGuessesAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("anna", secret)
	for range 4 {
		r.signIn("anna", "wrong", "192.0.2.1")
	}
	want(t, r.signIn("anna", "wrong", "192.0.2.1"), http.StatusUnauthorized, "")
	answers := make([]answer, 16)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = r.signIn("anna", secret, "192.0.2.1") })
	}
	wg.Wait()
	for _, a := range answers {
		if a.status != http.StatusTooManyRequests {
			t.Fatalf("a blocked name was told %d %s", a.status, a.text)
		}
	}
}

func TestSecretsAreNotLoggedOrStored(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("anna", secret)
	a := r.signIn("anna", secret, "192.0.2.1")
	r.signIn(secret, "anna", "192.0.2.1") // typed into the wrong field
	r.refresh(a.str("refresh_token"))
	log := r.logged()
	for what, text := range map[string]string{"password": secret, "refresh token": a.str("refresh_token"), "access token": a.str("access_token")} {
		if strings.Contains(log, text) {
			t.Errorf("the %s is in the log", what)
		}
	}
	if !strings.Contains(log, `"audit":true,"action":"sign-in","outcome":"done"`) {
		t.Errorf("the sign-in is not in the audit trail: %s", log)
	}
}

func TestPurge(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("anna", secret)
	r.signIn("anna", secret, "192.0.2.1")
	live := r.signIn("anna", secret, "192.0.2.1").str("refresh_token")
	r.signIn("nobody", "wrong", "192.0.2.1")
	purge := func() (sessions, failures int64) {
		check(t, r.db.InTx(t.Context(), func(tx pg.Tx) (err error) {
			sessions, failures, err = postgres.Purge(t.Context(), tx, r.now())
			return err
		}))
		return sessions, failures
	}
	if s, f := purge(); s != 0 || f != 0 {
		t.Fatalf("purged %d live sessions and %d fresh failures", s, f)
	}
	r.advance(45 * time.Minute)
	live = r.refresh(live).str("refresh_token")
	r.advance(30 * time.Minute)
	if s, _ := purge(); s != 1 {
		t.Fatalf("purged %d sessions, want the idle one", s)
	}
	want(t, r.refresh(live), http.StatusOK, "")
	r.advance(25 * time.Hour)
	if s, f := purge(); s != 1 || f != 2 {
		t.Fatalf("purged %d sessions and %d failures, want 1 and 2", s, f)
	}
}
