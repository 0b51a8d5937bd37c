package access_test

import (
	"context"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

func roles() []access.Role {
	return []access.Role{access.Viewer, access.Operator, access.Admin, access.Builder}
}

func TestWhoPasses(t *testing.T) {
	t.Parallel()
	// Whether somebody with the role of the row passes a route for the role of the column.
	table := map[access.Role]map[access.Role]bool{
		access.Viewer:   {access.Viewer: true},
		access.Operator: {access.Viewer: true, access.Operator: true},
		access.Builder:  {access.Builder: true},
		access.Admin:    {access.Viewer: true, access.Operator: true, access.Builder: true, access.Admin: true},
	}
	for _, has := range roles() {
		p := access.Principal{Subject: "u", Grants: []access.Grant{{Role: has, Services: []string{"catalogs"}}}}
		for _, needs := range roles() {
			if got := access.Has(needs).Admits(p); got != table[has][needs] {
				t.Errorf("%s at a route for %s: %v", has, needs, got)
			}
			if p.Has(needs, "billing") {
				t.Errorf("%s of catalogs holds %s for billing", has, needs)
			}
		}
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	nobody := access.Principal{Subject: "u"}
	admin := access.Principal{Subject: "a", Grants: []access.Grant{{Role: access.Admin}}}
	for _, c := range []struct {
		rule           access.Rule
		text           string
		token          bool
		nobody, admits bool
	}{
		{access.Rule{}, "nobody", true, false, false},
		{access.Public(), "public", false, true, true},
		{access.SignedIn(), "signed-in", true, true, true},
		{access.Has(access.Viewer), "role:viewer", true, false, true},
		{access.Has(""), "role:", true, false, true},
		{access.Any(access.Builder, access.Operator), "role:builder or operator", true, false, true},
	} {
		if c.rule.String() != c.text || c.rule.NeedsToken() != c.token || c.rule.Admits(nobody) != c.nobody || c.rule.Admits(admin) != c.admits {
			t.Errorf("%s: needs token %v, admits nobody %v, admin %v", c.rule, c.rule.NeedsToken(), c.rule.Admits(nobody), c.rule.Admits(admin))
		}
	}
}

// Scope and Has are two views of the same: a service is in the scope if and only if the role is held
// for it.
func TestScopeAgreesWithHas(t *testing.T) {
	t.Parallel()
	services := []string{"billing", "catalogs", "gateway"}
	rapid.Check(t, func(t *rapid.T) {
		var p access.Principal
		for range rapid.IntRange(0, 4).Draw(t, "grants") {
			p.Grants = append(p.Grants, access.Grant{
				Role:     rapid.SampledFrom(roles()).Draw(t, "role"),
				Services: rapid.SliceOfNDistinct(rapid.SampledFrom(services), 0, 3, rapid.ID).Draw(t, "services"),
			})
		}
		for _, role := range roles() {
			scope, all := p.Scope(role)
			for _, s := range services {
				if got, want := all || slices.Contains(scope, s), p.Has(role, s); got != want {
					t.Fatalf("%s for %s: scope says %v, has says %v", role, s, got, want)
				}
			}
			if p.Has(role, "") != (all || len(scope) > 0) {
				t.Fatalf("%s with any scope does not agree", role)
			}
		}
	})
}

func TestContext(t *testing.T) {
	t.Parallel()
	if _, ok := access.From(context.Background()); ok {
		t.Error("somebody came from nowhere")
	}
	p, ok := access.From(access.With(context.Background(), access.Principal{Subject: "u"}))
	if !ok || p.Subject != "u" {
		t.Errorf("got %v %v", p, ok)
	}
}

func TestAnyAdmitsEither(t *testing.T) {
	t.Parallel()
	rule := access.Any(access.Builder, access.Operator)
	for role, want := range map[access.Role]bool{access.Builder: true, access.Operator: true, access.Admin: true, access.Viewer: false} {
		if got := rule.Admits(access.Principal{Grants: []access.Grant{{Role: role}}}); got != want {
			t.Errorf("%s: %v, want %v", role, got, want)
		}
	}
}
