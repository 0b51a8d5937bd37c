package topology

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// world is a mesh in a few words: each line is "service-N health open…: check@node!…", with "!" behind a check that fails.
func world(t *testing.T, lines ...string) (all []Instance) {
	t.Helper()
	began := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for n, line := range lines {
		head, checks, _ := strings.Cut(line, ":")
		words := strings.Fields(head)
		service, _, _ := strings.Cut(words[0], "_")
		i := Instance{Service: service, Instance: words[0], Version: "1", Health: words[1], State: Live, HeardAt: began.Add(time.Hour)}
		for _, to := range words[2:] { // breakers of it that are open
			i.Now.Edges = append(i.Now.Edges, Edge{Source: service, Destination: to, Protocol: "grpc", Calls: classes(3, 20), Errors: 20, Open: true})
		}
		if words[1] == "lost" {
			i.State, i.Health, i.HeardAt = Lost, "up", began
		}
		for _, c := range strings.Fields(checks) {
			name, bad := strings.CutSuffix(c, "!")
			name, node, _ := strings.Cut(name, "@")
			check := Check{Name: name, Node: node, Status: "up", Since: began}
			if bad {
				check.Status, check.Error, check.Since = "down", "refused", began.Add(time.Duration(10-n)*time.Second)
			}
			i.Checks = append(i.Checks, check)
		}
		all = append(all, i)
	}
	return all
}

func told(all []Cause) string {
	var parts []string
	for _, c := range all {
		one := c.Node
		if len(c.Instances) > 0 {
			one += "[" + strings.Join(c.Instances, " ") + "]"
		}
		if len(c.Affected) > 0 {
			one += " > " + strings.Join(c.Affected, " ")
		}
		parts = append(parts, one)
	}
	return strings.Join(parts, "; ")
}

func TestCauses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mesh []string
		want string
	}{
		"all is well": {[]string{"catalogs_1 up: pg@postgresql", "identity_1 up: pg@postgresql"}, ""},
		"PostgreSQL is one cause with all behind it": {[]string{
			"catalogs_1 down: pg@postgresql! bus@rabbitmq", "identity_1 down: pg@postgresql!", "scheduler_1 down: pg@postgresql!",
			"gateway_1 degraded: up-catalogs@catalogs! up-identity@identity!",
		}, "postgresql > catalogs identity scheduler gateway"},
		"two causes at once": {[]string{"catalogs_1 down: pg@postgresql! bus@rabbitmq!", "identity_1 down: pg@postgresql!", "scheduler_1 degraded: bus@rabbitmq!"},
			"rabbitmq > catalogs scheduler; postgresql > catalogs identity"},
		"a service's own trouble, and what it drags down": {[]string{"identity_1 down: keys!", "gateway_1 degraded: up@identity!", "catalogs_1 up: pg@postgresql"},
			"identity > gateway"},
		"it fails for one of three": {[]string{"catalogs_1 up: pg@postgresql", "catalogs_2 up: pg@postgresql", "catalogs_3 down: pg@postgresql!"},
			"catalogs[catalogs_3]"},
		"an instance is silent":       {[]string{"catalogs_1 up", "catalogs_2 lost"}, "catalogs[catalogs_2]"},
		"a whole service is silent":   {[]string{"catalogs_1 lost", "gateway_1 degraded: up@catalogs!"}, "catalogs > gateway"},
		"a chain":                     {[]string{"a_1 down: b@b!", "b_1 down: c@c!", "c_1 down: own!"}, "c > b a"},
		"a circle: the first to fail": {[]string{"a_1 down: b@b!", "b_1 down: a@a!"}, "b > a"},
		"a circle with a cause":       {[]string{"a_1 down: b@b!", "b_1 down: a@a! pg@postgresql!"}, "postgresql > b a"},
		"what leads into a circle":    {[]string{"a_1 down: b@b!", "b_1 down: a@a!", "c_1 degraded: a@a!"}, "b > a c"},
		"draining is its own":         {[]string{"catalogs_1 draining"}, "catalogs"},
		"who holds the fleet syncs with itself": {[]string{"view-service_1 down: pg@postgresql! fleet@view-service!", "catalogs_1 degraded: fleet@view-service!"},
			"postgresql > view-service catalogs"},
		"it cannot sync with itself": {[]string{"view-service_1 degraded: fleet@view-service!"}, "view-service"},
		"breakers are open":          {[]string{"a_1 down: own!", "b_1 degraded a: mesh!", "c_1 degraded b: mesh!"}, "a > b c"},
		"a breaker has just let try": {[]string{"a_1 down: own!", "b_1 degraded: mesh! a@a!"}, "a > b"},
		"open to who is well":        {[]string{"a_1 up", "b_1 degraded a: mesh!"}, "b"},
		"of two checks after one node it is half that fail": {[]string{"scheduler_1 degraded: pg@postgresql planner@postgresql!", "catalogs_1 up: pg@postgresql", "identity_1 up: pg@postgresql"},
			"scheduler"},
		"explained, and ill besides": {[]string{"catalogs_1 down: pg@postgresql! disk!"}, "postgresql > catalogs; catalogs"},
	} {
		if got := told(Causes(world(t, c.mesh...))); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Whatever fails, every failing node is a cause or behind one, and nothing else is.
func TestEveryFailureHasACause(t *testing.T) {
	t.Parallel()
	names := []string{"a", "b", "c", "d"}
	for seed := range 1 << 12 { // each service asks after each other one; a bit says which fail
		var lines []string
		for i, name := range names {
			line, ill := "", false
			for k, other := range append(names, "postgresql") {
				if other == name {
					continue
				}
				mark := ""
				if seed>>((i*3+k)%12)&1 == 1 && (i+k)%2 == 0 {
					mark, ill = "!", true
				}
				line += fmt.Sprintf(" x%s@%s%s", other, other, mark)
			}
			health := "up"
			if ill {
				health = "degraded"
			}
			lines = append(lines, name+"_1 "+health+":"+line)
		}
		all := world(t, lines...)
		covered := map[string]bool{}
		for _, c := range Causes(all) {
			covered[c.Node] = true
			for _, n := range c.Affected {
				covered[n] = true
			}
			if c.Kind == Service && len(c.Evidence)+len(c.Silent) == 0 && len(c.Affected) == 0 {
				t.Fatalf("seed %d: %s has no evidence", seed, c.Node)
			}
		}
		for _, n := range Draw(all).Nodes {
			if n.ill() != covered[n.Name] {
				t.Fatalf("seed %d: %s ill %v, covered %v\n%s", seed, n.Name, n.ill(), covered[n.Name], strings.Join(lines, "\n"))
			}
		}
	}
}

func classes(at int, n uint64) []uint64 {
	all := make([]uint64, 15)
	all[at] = n
	return all
}

func TestDraw(t *testing.T) {
	t.Parallel()
	at := time.Now()
	edge := func(n, errors uint64) Edge {
		return Edge{Source: "gateway", Destination: "catalogs", Protocol: "http", Calls: classes(3, n), Errors: errors}
	}
	one := Instance{Service: "gateway", Instance: "gateway_1", Version: "2", Health: "up", State: Live,
		Before: Snapshot{at.Add(-time.Minute), []Edge{edge(100, 10)}}, Now: Snapshot{at, []Edge{edge(700, 310)}}}
	two := one
	two.Instance, two.Version = "gateway_2", "1"
	two.Now.Edges[0].Open = false
	two.Now = Snapshot{at, []Edge{{Source: "gateway", Destination: "catalogs", Protocol: "http", Calls: classes(3, 100), Errors: 10, Open: true}}}
	gone := one
	gone.Instance, gone.State = "gateway_3", Stopped
	g := Draw([]Instance{one, two, gone})
	if len(g.Links) != 1 || len(g.Nodes) != 2 {
		t.Fatalf("%+v", g)
	}
	l := g.Links[0]
	if l.Rate != 10 || l.Errors != .5 || l.Open != 1 || l.P50 <= 2500*time.Microsecond || l.P50 > 5*time.Millisecond || l.P99 > 5*time.Millisecond || l.P99 <= l.P50 {
		t.Errorf("%+v", l)
	}
	for _, n := range g.Nodes {
		if n.Name == "gateway" && (n.Kind != Service || n.Health != Up || !slices.Equal(n.Versions, []string{"1", "2"}) || n.Count[Live] != 2) {
			t.Errorf("%+v", n)
		}
		if n.Name == "catalogs" && (n.Kind != Dependency || n.Health != Unknown) {
			t.Errorf("%+v", n)
		}
	}
}

// An instance that has just started has no earlier snapshot: no rate is made up, and its errors show all the same.
func TestDrawWithoutAnEarlierSnapshot(t *testing.T) {
	t.Parallel()
	i := Instance{Service: "a", Instance: "a_1", Health: "up", State: Live,
		Now: Snapshot{time.Now(), []Edge{{Source: "a", Destination: "b", Protocol: "grpc", Calls: classes(14, 4), Errors: 1}}}}
	l := Draw([]Instance{i}).Links[0]
	if l.Rate != 0 || l.Errors != .25 || l.P99 != 10*time.Second || math.IsNaN(l.Rate) {
		t.Errorf("%+v", l)
	}
	i.Now.Edges[0].Calls = []uint64{1, 2} // of another version, with other classes
	if l := Draw([]Instance{i}).Links[0]; l.P50 > time.Millisecond {
		t.Errorf("%+v", l)
	}
}
