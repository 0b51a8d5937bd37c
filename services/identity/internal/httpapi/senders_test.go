package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

func TestASendersTokenSendsAndDoesNothingElse(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.call("POST", "/sender-tokens", r.admin, map[string]any{"services": []string{"Shop.Till"}, "ttl": "48h"})
	want(t, a, http.StatusCreated, "")
	if a.header.Get("Cache-Control") != "no-store" {
		t.Error("a token may be cached")
	}
	p, err := r.ring.Verifier().Verify(t.Context(), a.str("token"))
	check(t, err)
	if !p.Has(access.Sender, "Shop.Till") || p.Has(access.Sender, "shop") || p.Has(access.Viewer, "") || p.Has(access.Admin, "") {
		t.Errorf("%+v", p)
	}
	if left := time.Until(p.Until); left < 47*time.Hour || left > 49*time.Hour {
		t.Errorf("it holds for %s", left)
	}
	for _, path := range []string{"/users", "/me"} {
		if got := r.call("GET", path, a.str("token"), nil); got.status < 400 {
			t.Errorf("%s with a sender's token: %d", path, got.status)
		}
	}
	if !strings.Contains(r.logged(), "sender-token.issue") || strings.Contains(r.logged(), a.str("token")) {
		t.Errorf("the audit: %s", r.logged())
	}
	any := r.call("POST", "/sender-tokens", r.admin, map[string]any{"services": []string{"*"}})
	p, err = r.ring.Verifier().Verify(t.Context(), any.str("token"))
	check(t, err)
	if _, all := p.Scope(access.Sender); !all {
		t.Errorf("for any service: %+v", p)
	}
}

func TestSendersTokensThatNobodyGets(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	scoped := r.tokenWith(access.Grant{Role: access.Admin, Services: []string{"identity", "shop"}})
	for name, c := range map[string]struct {
		token  string
		body   any
		status int
	}{
		"nobody":            {"", map[string]any{"services": []string{"shop"}}, http.StatusUnauthorized},
		"an operator":       {r.tokenWith(access.Grant{Role: access.Operator}), map[string]any{"services": []string{"shop"}}, http.StatusForbidden},
		"beyond his scope":  {scoped, map[string]any{"services": []string{"shop", "till"}}, http.StatusForbidden},
		"all beyond it":     {scoped, map[string]any{"services": []string{"*"}}, http.StatusForbidden},
		"within it":         {scoped, map[string]any{"services": []string{"shop"}}, http.StatusCreated},
		"no service":        {r.admin, map[string]any{"services": []string{}}, http.StatusBadRequest},
		"an empty one":      {r.admin, map[string]any{"services": []string{""}}, http.StatusBadRequest},
		"any and one":       {r.admin, map[string]any{"services": []string{"*", "shop"}}, http.StatusBadRequest},
		"a line":            {r.admin, map[string]any{"services": []string{"a\nb"}}, http.StatusBadRequest},
		"too long":          {r.admin, map[string]any{"services": []string{strings.Repeat("a", 129)}}, http.StatusBadRequest},
		"no time":           {r.admin, map[string]any{"services": []string{"a"}, "ttl": "soon"}, http.StatusBadRequest},
		"for ever":          {r.admin, map[string]any{"services": []string{"a"}, "ttl": "90000h"}, http.StatusBadRequest},
		"of the past":       {r.admin, map[string]any{"services": []string{"a"}, "ttl": "-1h"}, http.StatusBadRequest},
		"all 32 of 60 byte": {r.admin, map[string]any{"services": strings.Split(strings.Repeat(strings.Repeat("a", 60)+",", 31)+"b", ",")}, http.StatusBadRequest},
	} {
		if a := r.call("POST", "/sender-tokens", c.token, c.body); a.status != c.status {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
}

func TestASendersTokenIsTakenBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	issue := func(token string, services ...string) answer {
		a := r.call("POST", "/sender-tokens", token, map[string]any{"services": services, "ttl": "48h"})
		want(t, a, http.StatusCreated, "")
		return a
	}
	shop, anyone := issue(r.admin, "shop"), issue(r.admin, "*")
	scoped := r.tokenWith(access.Grant{Role: access.Admin, Services: []string{"identity", "shop"}})
	listed := func(token string) string {
		a := r.call("GET", "/sender-tokens", token, nil)
		want(t, a, http.StatusOK, "")
		if strings.Contains(a.text, shop.str("token")) {
			t.Error("the list has a token in it")
		}
		return a.text
	}
	if all, his := listed(r.admin), listed(scoped); !strings.Contains(all, shop.str("id")) || !strings.Contains(all, anyone.str("id")) ||
		!strings.Contains(his, shop.str("id")) || strings.Contains(his, anyone.str("id")) {
		t.Errorf("listed: %s, for an administrator of shop: %s", all, his)
	}
	p, err := r.ring.Verifier().Verify(t.Context(), shop.str("token"))
	check(t, err)
	if p.Subject != "sender:"+shop.str("id") || p.Name != "sender:shop" {
		t.Errorf("the token's subject is %s, its name %s", p.Subject, p.Name)
	}
	for name, c := range map[string]struct {
		token, id string
		status    int
	}{
		"nobody":           {"", shop.str("id"), http.StatusUnauthorized},
		"an operator":      {r.tokenWith(access.Grant{Role: access.Operator}), shop.str("id"), http.StatusForbidden},
		"beyond his scope": {scoped, anyone.str("id"), http.StatusForbidden},
		"none":             {r.admin, "nosuch", http.StatusNotFound},
	} {
		if a := r.call("DELETE", "/sender-tokens/"+c.id, c.token, nil); a.status != c.status {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	revoked := func() []string {
		all, err := r.store.RevokedSenders(t.Context())
		check(t, err)
		return all
	}
	if all := revoked(); len(all) != 0 {
		t.Errorf("revoked by who may not: %v", all)
	}
	for range 2 {
		want(t, r.call("DELETE", "/sender-tokens/"+shop.str("id"), scoped, nil), http.StatusNoContent, "")
	}
	if all := revoked(); len(all) != 1 || all[0] != p.Subject {
		t.Errorf("revoked: %v", all)
	}
	if text := listed(r.admin); strings.Count(text, "revoked_at") != 1 || !strings.Contains(r.logged(), "sender-token.revoke") {
		t.Errorf("after it: %s", text)
	}
}
