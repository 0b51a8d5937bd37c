package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

func TestUsersLiveAndChange(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := r.user("anna", secret, map[string]any{"role": "operator", "services": []string{"scheduler", "catalogs"}})
	want(t, r.call("PATCH", "/users/"+id, r.admin, map[string]any{"display_name": " Anna Müller "}), http.StatusOK, "")
	want(t, r.call("PUT", "/users/"+id+"/grants", r.admin, map[string]any{"grants": []map[string]any{{"role": "builder"}}}), http.StatusOK, "")
	a := r.call("GET", "/users/"+id, r.admin, nil)
	want(t, a, http.StatusOK, "")
	grants, _ := json.Marshal(a.body["grants"])
	if a.str("display_name") != "Anna Müller" || string(grants) != `[{"role":"builder"}]` || a.body["has_password"] != true {
		t.Errorf("got %s", a.text)
	}
	if strings.Contains(a.text, "argon2") {
		t.Error("the hash left the store")
	}
	if got := strings.Join(r.events.types, " "); got != "identity.user.created identity.user.created identity.user.changed identity.user.changed" {
		t.Errorf("events %s", got)
	}
}

func TestOwnPassword(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("anna", secret)
	a := r.signIn("anna", secret, "192.0.2.1")
	put := func(current, fresh string) answer {
		return r.call("PUT", "/me/password", a.str("access_token"), map[string]any{"current_password": current, "new_password": fresh}, "X-Forwarded-For", "192.0.2.1")
	}
	want(t, r.call("PUT", "/me/password", "", map[string]any{"current_password": secret, "new_password": "something else 1"}), http.StatusUnauthorized, "unauthorized")
	want(t, put("wrong", "something else 1"), http.StatusUnauthorized, "unauthorized")
	want(t, put(secret, "short"), http.StatusBadRequest, "invalid")
	want(t, put(secret, "something else 1"), http.StatusNoContent, "")
	want(t, r.refresh(a.str("refresh_token")), http.StatusUnauthorized, "unauthorized")
	want(t, r.signIn("anna", secret, "192.0.2.1"), http.StatusUnauthorized, "unauthorized")
	want(t, r.signIn("anna", "something else 1", "192.0.2.1"), http.StatusOK, "")
	for range 5 {
		put("guess", "something else 2")
	}
	if a := put("something else 1", "something else 2"); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("guessing the current password is not throttled: %d", a.status)
	}
}

func TestNamesAreUniqueInAnyCase(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("Anna", secret)
	for _, name := range []string{"Anna", "anna", "ＡＮＮＡ"} {
		want(t, r.call("POST", "/users", r.admin, map[string]any{"name": name}), http.StatusConflict, "conflict")
	}
}

func TestListPages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	wanted := []string{"admin"}
	for i := range 7 {
		name := fmt.Sprintf("User-%d", i)
		r.user(name, secret)
		wanted = append(wanted, name)
	}
	var got []string
	for page, rounds := "", 0; rounds < 10; rounds++ {
		a := r.call("GET", "/users?limit=3&page="+page, r.admin, nil)
		want(t, a, http.StatusOK, "")
		for _, item := range a.body["items"].([]any) {
			got = append(got, item.(map[string]any)["name"].(string))
		}
		if page = a.str("next"); page == "" {
			break
		}
	}
	if !slices.Equal(got, wanted) {
		t.Errorf("got %v, want %v", got, wanted)
	}
}

func TestUsersAreFoundByAPartOfTheirNames(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, name := range []string{"Anna.Berg", "bert", "Zoë"} {
		r.user(name, secret)
	}
	want(t, r.call("PATCH", "/users/"+r.user("carl", secret), r.admin, map[string]any{"display_name": "Carl Bergman 100%"}), http.StatusOK, "")
	for q, names := range map[string]string{
		"BERG": "Anna.Berg carl", "bert": "bert", "ZO%C3%8B": "Zoë", "100%25": "carl", "%25": "carl", "_": "", "nobody": "", "%20bert%20": "bert",
	} {
		a := r.call("GET", "/users?limit=50&q="+q, r.admin, nil)
		want(t, a, http.StatusOK, "")
		var got []string
		for _, item := range a.body["items"].([]any) {
			got = append(got, item.(map[string]any)["name"].(string))
		}
		if strings.Join(got, " ") != names {
			t.Errorf("%s: got %q, want %q", q, got, names)
		}
	}
	first := r.call("GET", "/users?limit=1&q=berg", r.admin, nil)
	if next := r.call("GET", "/users?limit=1&q=berg&page="+first.str("next"), r.admin, nil); !strings.Contains(next.text, `"carl"`) || next.str("next") != "" {
		t.Errorf("the second page of what was found: %s", next.text)
	}
}

// TestAnAdministratorSignsAUserOut on every device, and nobody who holds more than he does.
func TestAnAdministratorSignsAUserOut(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := r.user("anna", secret)
	here, there := r.signIn("anna", secret, "192.0.2.1"), r.signIn("anna", secret, "192.0.2.2")
	local := r.tokenWith(access.Grant{Role: access.Admin, Services: []string{"identity"}})
	me := r.call("GET", "/me", r.admin, nil).str("id")
	want(t, r.call("DELETE", "/users/"+me+"/sessions", local, nil), http.StatusForbidden, "forbidden")
	want(t, r.call("DELETE", "/users/"+id+"/sessions", here.str("access_token"), nil), http.StatusForbidden, "forbidden")
	want(t, r.call("DELETE", "/users/none/sessions", r.admin, nil), http.StatusNotFound, "not_found")
	want(t, r.call("DELETE", "/users/"+id+"/sessions", local, nil), http.StatusNoContent, "")
	for _, a := range []answer{here, there} {
		want(t, r.refresh(a.str("refresh_token")), http.StatusUnauthorized, "unauthorized")
	}
	want(t, r.signIn("anna", secret, "192.0.2.1"), http.StatusOK, "") // the password is as it was
	if !strings.Contains(r.logged(), `"user.sign-out"`) {
		t.Error("it is not in the audit")
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := r.user("anna", secret)
	cases := []struct {
		method, path string
		body         any
		status       int
		code         string
	}{
		{"POST", "/users", `{"name":`, 400, "invalid"},
		{"POST", "/users", `[]`, 400, "invalid"},
		{"POST", "/users", `{"name":7}`, 400, "invalid"},
		{"POST", "/users", `{"name":"x","unknown":1}`, 400, "invalid"},
		{"POST", "/users", `{}`, 400, "invalid"},
		{"POST", "/users", map[string]any{"name": ""}, 400, "invalid"},
		{"POST", "/users", map[string]any{"name": "x y"}, 400, "invalid"},
		{"POST", "/users", map[string]any{"name": "x\u0000"}, 400, "invalid"},
		{"POST", "/users", map[string]any{"name": strings.Repeat("x", 65)}, 400, "invalid"},
		{"POST", "/users", map[string]any{"name": "b", "password": "short"}, 400, "invalid"},
		{"POST", "/users", map[string]any{"name": "b", "grants": []any{map[string]any{"role": "root"}}}, 400, "invalid"},
		{"POST", "/users", map[string]any{"name": "b", "grants": []any{map[string]any{"role": "viewer", "services": []string{}}}}, 400, "invalid"},
		{"POST", "/users", map[string]any{"name": "b", "grants": []any{map[string]any{"role": "viewer", "services": []string{"a b"}}}}, 400, "invalid"},
		{"POST", "/users", strings.Repeat(" ", 17<<10), 413, "invalid"},
		{"POST", "/users", strings.Repeat("[", 100), 400, "invalid"},
		{"GET", "/users?limit=0", nil, 400, "invalid"},
		{"GET", "/users?limit=x", nil, 400, "invalid"},
		{"GET", "/users?page=%21", nil, 400, "invalid"},
		{"GET", "/users?nonsense=1", nil, 400, "invalid"},
		{"GET", "/users/none", nil, 404, "not_found"},
		{"GET", "/users/0198c0de-0000-7000-8000-000000000000", nil, 404, "not_found"},
		{"GET", "/users/'%20or%201=1", nil, 404, "not_found"},
		{"PATCH", "/users/none", map[string]any{"disabled": true}, 404, "not_found"},
		{"PATCH", "/users/" + id, map[string]any{"name": "other"}, 400, "invalid"},
		{"PATCH", "/users/" + id, map[string]any{"display_name": "a\u202eb"}, 400, "invalid"},
		{"PUT", "/users/" + id + "/password", map[string]any{"password": "short"}, 400, "invalid"},
		{"PUT", "/users/" + id + "/password", map[string]any{"password": "annaannaanna"}, 400, ""},
		{"PUT", "/users/none/grants", map[string]any{"grants": []any{}}, 404, "not_found"},
		{"DELETE", "/users/" + id, nil, 405, ""},
		{"GET", "/nothing", nil, 404, "not_found"},
		{"POST", "/sessions", `{"name":"anna"}`, 400, "invalid"},
		{"POST", "/sessions", map[string]any{"name": "anna", "password": strings.Repeat("x", 1025)}, 400, "invalid"},
		{"POST", "/sessions/refresh", map[string]any{"refresh_token": strings.Repeat("x", 513)}, 400, "invalid"},
		{"POST", "/sessions/refresh", map[string]any{"refresh_token": "sbr_unknown"}, 401, "unauthorized"},
		{"POST", "/sessions/refresh", map[string]any{"refresh_token": "' or 1=1 --"}, 401, "unauthorized"},
	}
	for _, c := range cases {
		a := r.call(c.method, c.path, r.admin, c.body)
		if a.status != c.status || (c.code != "" && a.str("code") != c.code) {
			t.Errorf("%s %s %.60v: got %d %s, want %d %s", c.method, c.path, c.body, a.status, a.text, c.status, c.code)
		}
		if a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %s", c.method, c.path, a.header.Get("Content-Type"))
		}
		for _, leak := range []string{"pgx", "SQLSTATE", "goroutine", "select ", secret} {
			if strings.Contains(a.text, leak) {
				t.Errorf("%s %s: %q is in %s", c.method, c.path, leak, a.text)
			}
		}
	}
}

func TestWhoMay(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	viewer := r.tokenWith(access.Grant{Role: access.Viewer})
	elsewhere := r.tokenWith(access.Grant{Role: access.Admin, Services: []string{"catalogs"}})
	for name, c := range map[string]struct {
		token  string
		status int
	}{"nobody": {"", 401}, "a viewer": {viewer, 403}, "an administrator of something else": {elsewhere, 403}, "the administrator": {r.admin, 200}} {
		if a := r.call("GET", "/users", c.token, nil); a.status != c.status {
			t.Errorf("%s: got %d, want %d", name, a.status, c.status)
		}
	}
	want(t, r.call("GET", "/me", viewer, nil), http.StatusUnauthorized, "unauthorized") // its user does not exist
}

// TestNobodyRises: an administrator of some services gets no hold of more.
func TestNobodyRises(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	local := r.tokenWith(access.Grant{Role: access.Admin, Services: []string{"identity", "catalogs"}})
	me := r.call("GET", "/me", r.admin, nil).str("id")
	small := r.user("small", secret, map[string]any{"role": "viewer", "services": []string{"catalogs"}})
	all := []any{map[string]any{"role": "admin"}}
	for _, c := range []struct {
		method, path string
		body         any
		status       int
	}{
		{"POST", "/users", map[string]any{"name": "evil", "grants": all}, 403},
		{"PUT", "/users/" + small + "/grants", map[string]any{"grants": all}, 403},
		{"PUT", "/users/" + me + "/password", map[string]any{"password": "my own password"}, 403},
		{"PATCH", "/users/" + me, map[string]any{"disabled": true}, 403},
		{"PUT", "/users/" + me + "/grants", map[string]any{"grants": []any{}}, 403},
		{"PUT", "/users/" + small + "/password", map[string]any{"password": "a new password"}, 204},
		{"PUT", "/users/" + small + "/grants", map[string]any{"grants": []any{map[string]any{"role": "admin", "services": []string{"catalogs"}}}}, 200},
	} {
		if a := r.call(c.method, c.path, local, c.body); a.status != c.status {
			t.Errorf("%s %s: got %d %s, want %d", c.method, c.path, a.status, a.text, c.status)
		}
	}
}

// TestTheLastAdministratorStays, even when two demote each other at once.
func TestTheLastAdministratorStays(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first := r.call("GET", "/me", r.admin, nil).str("id")
	want(t, r.call("PATCH", "/users/"+first, r.admin, map[string]any{"disabled": true}), http.StatusConflict, "conflict")
	want(t, r.call("PUT", "/users/"+first+"/grants", r.admin, map[string]any{"grants": []any{}}), http.StatusConflict, "conflict")
	second := r.user("second", secret, map[string]any{"role": "admin"})
	var wg sync.WaitGroup
	for _, id := range []string{first, second} {
		wg.Go(func() { r.call("PATCH", "/users/"+id, r.admin, map[string]any{"disabled": true}) })
	}
	wg.Wait()
	enabled := 0
	for _, id := range []string{first, second} {
		if r.call("GET", "/users/"+id, r.admin, nil).body["disabled"] == false {
			enabled++
		}
	}
	if enabled != 1 {
		t.Errorf("%d administrators are left, want 1", enabled)
	}
}

func TestEnsureAdminMends(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	before, err := r.store.EnsureAdmin(t.Context(), "admin", "test")
	check(t, err)
	r.user("other", secret, map[string]any{"role": "admin"})
	want(t, r.call("PATCH", "/users/"+before.ID, r.admin, map[string]any{"disabled": true}), http.StatusOK, "")
	after, err := r.store.EnsureAdmin(t.Context(), "admin", "test")
	check(t, err)
	if after.ID != before.ID || !after.RunsThePlatform() {
		t.Errorf("got %+v", after)
	}
}
