package access_test

import (
	"testing"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

func TestRulesForServices(t *testing.T) {
	t.Parallel()
	admin := access.Principal{Grants: []access.Grant{{Role: access.Admin}}}
	for _, c := range []struct {
		rule              access.Rule
		text              string
		user              bool // it asks for one
		workflow, billing bool
	}{
		{access.Services("workflow"), "service:workflow", false, true, false},
		{access.Services("workflow", "billing", "workflow"), "service:billing or workflow", false, true, true},
		{access.AnyService(), "service:any", false, true, true},
		{access.Services("billing").For(access.Any(access.Builder, access.Operator)), "service:billing for role:builder or operator", true, false, true},
		{access.AnyService().For(access.SignedIn()), "service:any for signed-in", true, true, true},
	} {
		if c.rule.String() != c.text || c.rule.NeedsToken() != c.user || !c.rule.NeedsService() || !c.rule.Admits(admin) {
			t.Errorf("%s: want %s; asks for a user %v, for a service %v", c.rule, c.text, c.rule.NeedsToken(), c.rule.NeedsService())
		}
		if c.rule.AdmitsService("workflow") != c.workflow || c.rule.AdmitsService("billing") != c.billing {
			t.Errorf("%s admits workflow %v, billing %v", c.rule, c.rule.AdmitsService("workflow"), c.rule.AdmitsService("billing"))
		}
		if c.rule.AdmitsService("gateway") || c.rule.AdmitsService("") {
			t.Errorf("%s is open to the outside", c.rule)
		}
	}
	if access.Services() != (access.Rule{}) || access.Has(access.Viewer).NeedsService() || !access.Public().AdmitsService("") {
		t.Error("rules that name no service")
	}
}

func TestRulesThatMeanNothingPanic(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func() access.Rule{
		"the gateway":       func() access.Rule { return access.Services("workflow", "gateway") },
		"an empty name":     func() access.Rule { return access.Services("") },
		"a user for a user": func() access.Rule { return access.SignedIn().For(access.SignedIn()) },
		"a service for one": func() access.Rule { return access.AnyService().For(access.AnyService()) },
		"for nobody":        func() access.Rule { return access.AnyService().For(access.Rule{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: there is a rule", name)
				}
			}()
			make()
		}()
	}
}
