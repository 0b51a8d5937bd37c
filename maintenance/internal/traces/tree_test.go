package traces

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var began = time.Date(2026, 11, 21, 13, 2, 11, 0, time.UTC)

// sp is a span: id<parent service name, from and for so many milliseconds.
func sp(id, parent, service, name string, from, lasts int) Span {
	return Span{ID: id, Parent: parent, Service: service, Name: name, Start: began.Add(time.Duration(from) * time.Millisecond), Duration: time.Duration(lasts) * time.Millisecond}
}

func everybody(string) bool { return true }

// drawn is a tree as text: a line a node, moved in by its depth.
func drawn(t *Tree) string {
	var b strings.Builder
	for _, n := range t.Nodes {
		fmt.Fprintf(&b, "%s%s %s %s %d+%d", strings.Repeat("  ", n.Depth), n.Key, n.Service, n.Name, n.Start.Sub(began).Milliseconds(), n.Duration.Milliseconds())
		for i, on := range []bool{n.Orphan, n.Strays, n.Hidden, n.Earlier > 0} {
			if on {
				b.WriteString([]string{" orphan", " strays", " hidden", " early"}[i])
			}
		}
		b.WriteString("\n")
	}
	for _, m := range t.Missing {
		fmt.Fprintf(&b, "! %s %s\n", m.Part, m.Reason)
	}
	return b.String()
}

func TestTrees(t *testing.T) {
	t.Parallel()
	server, client := sp("b", "a", "catalogs", "GET /types", 3, 5), sp("b", "a", "gateway", "GET", 2, 7)
	server.Kind, client.Kind = "server", "client"
	partial := sp("c", "b", "catalogs", "INSERT", 4, 1)
	partial.Partial = true
	for name, c := range map[string]struct {
		spans  []Span
		hidden string
		want   string
	}{
		"in the order of their beginning": {[]Span{sp("c", "a", "s", "second", 5, 1), sp("d", "b", "s", "deep", 2, 1), sp("b", "a", "s", "first", 1, 3), sp("a", "", "s", "root", 0, 9)}, "", `
a s root 0+9
  b s first 1+3
    d s deep 2+1
  c s second 5+1
`},
		"told twice, in small letters": {[]Span{sp("a", "", "s", "GET /x", 0, 9), sp("b", "a", "s", "SELECT", 1, 1), sp("a", "", "s", "get /x", 0, 9), sp("b", "a", "s", "select", 1, 1)}, "", `
a s GET /x 0+9
  b s SELECT 1+1
`},
		"two halves of one call": {[]Span{sp("c", "b", "catalogs", "SELECT", 4, 1), server, client, sp("a", "", "gateway", "GET /x", 0, 9)}, "", `
a gateway GET /x 0+9
  b.2 gateway GET 2+7
    b catalogs GET /types 3+5
      c catalogs SELECT 4+1
`},
		"an orphan alone is at the top": {[]Span{sp("b", "out", "s", "root", 0, 9), sp("c", "b", "s", "below", 1, 1)}, "", `
b s root 0+9 orphan
  c s below 1+1
`},
		"orphans are put under something": {[]Span{sp("a", "", "s", "root", 0, 9), sp("x", "gone", "s", "one", 5, 2), sp("y", "gone too", "s", "two", 3, 2)}, "", `
a s root 0+9
strays   3+4 strays
  y s two 3+2 orphan
  x s one 5+2 orphan
! spans partial
`},
		"kept from an error on": {[]Span{sp("b", "gone", "s", "root", 3, 5), partial}, "", `
b s root 3+5 orphan
  c catalogs INSERT 4+1
! spans partial
`},
		"a circle": {[]Span{sp("a", "c", "s", "one", 0, 1), sp("b", "a", "s", "two", 1, 1), sp("c", "b", "s", "three", 2, 1), sp("d", "d", "s", "itself", 3, 1)}, "", `
d s itself 3+1
strays   1+1 strays
  b s two 1+1 orphan
    c s three 2+1
      a s one 0+1 early
! spans partial
`},
		"hosts' clocks differ": {[]Span{sp("a", "", "s", "root", 5, 9), sp("b", "a", "other", "early", 2, 1)}, "", `
a s root 5+9
  b other early 2+1 early
`},
		"no beginning told": {[]Span{sp("a", "", "s", "root", 5, 9), {ID: "b", Parent: "a", Service: "s", Name: "when"}}, "", `
a s root 5+9
  b s when 5+0
`},
		"a hop without a name": {[]Span{sp("a", "", "gateway", "root", 0, 9), sp("b", "a", "secret", "GET", 1, 8), sp("c", "b", "secret", "SELECT", 2, 1), sp("d", "c", "catalogs", "shown", 4, 1), sp("e", "b", "catalogs", "too", 3, 1), sp("f", "a", "secret", "alone", 8, 1)}, "secret", `
a gateway root 0+9
  b   1+8 hidden
    e catalogs too 3+1
    d catalogs shown 4+1
  f   8+1 hidden
`},
		"ids that are other spans' keys": {[]Span{sp("b.2", "b", "s", "one", 2, 1), sp("b", "", "s", "two", 0, 9), sp("b", "b", "s", "three", 1, 1), sp("strays", "gone", "s", "four", 3, 1)}, "", `
b s two 0+9
  b.3 s three 1+1
    b.2 s one 2+1
strays   3+1 strays
  strays.2 s four 3+1 orphan
! spans partial
`},
		"nothing": {nil, "", "\n"},
	} {
		got := "\n" + drawn(Grow(c.spans, func(service string) bool { return service != c.hidden }))
		if got != c.want {
			t.Errorf("%s: %s", name, cmp.Diff(c.want, got))
		}
	}
}

// A chain of thousands neither takes the stack nor has a depth of thousands.
func TestAChainWithoutEnd(t *testing.T) {
	t.Parallel()
	var all []Span
	for i := range maxSpans {
		all = append(all, sp(fmt.Sprint(i), fmt.Sprint(i-1), "s", "link", i, maxSpans-i))
	}
	all[0].Parent = ""
	tree := Grow(all, everybody)
	deepest := 0
	for _, n := range tree.Nodes {
		deepest = max(deepest, n.Depth)
	}
	if len(tree.Nodes) != maxSpans || deepest != maxDepth || len(tree.Missing) != 1 || tree.Missing[0].Reason != Truncated {
		t.Errorf("%d spans, depth %d, %+v", len(tree.Nodes), deepest, tree.Missing)
	}
}

func TestLinesFindTheirPlace(t *testing.T) {
	t.Parallel()
	root, inner := sp("000000000000000a", "", "gateway", "root", 0, 9), sp("000000000000000b", "000000000000000a", "catalogs", "inner", 2, 4)
	root.Instance, inner.Instance = "gateway-1", "catalogs-1"
	tree := Grow([]Span{root, inner, sp("000000000000000c", "000000000000000b", "catalogs", "query", 3, 1), sp("000000000000000d", "000000000000000a", "secret", "hidden", 1, 7)},
		func(s string) bool { return s != "secret" })
	at := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	for name, c := range map[string]struct {
		line    Line
		key, by string
	}{
		"its span":             {Line{at(99), "catalogs", "catalogs-1", "000000000000000b"}, "000000000000000b", ByID},
		"another's span":       {Line{at(1), "worker", "", "000000000000000b"}, "000000000000000b", ByID},
		"the innermost":        {Line{at(3), "catalogs", "catalogs-1", "00000000000000ff"}, "000000000000000c", ByTime},
		"behind the innermost": {Line{at(5), "catalogs", "catalogs-1", ""}, "000000000000000b", ByTime},
		"of another instance":  {Line{at(5), "catalogs", "catalogs-2", ""}, "", ""},
		"before":               {Line{at(-1), "gateway", "gateway-1", ""}, "", ""},
		"a stranger":           {Line{at(3), "worker", "", ""}, "", ""},
		"of a hidden span":     {Line{at(3), "secret", "", "000000000000000d"}, "", ""},
	} {
		if key, by := tree.Place(c.line); key != c.key || by != c.by {
			t.Errorf("%s: %q by %q, want %q by %q", name, key, by, c.key, c.by)
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]ID{
		"4BF92F3577B34DA6A3CE929D0E0E4736": "4bf92f3577b34da6a3ce929d0e0e4736",
		"a3ce929d0e0e4736":                 "0000000000000000a3ce929d0e0e4736",
	} {
		if got, err := ParseID(text); got != want || err != nil {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for text, position := range map[string]int{
		"": 1, "4bf9": 5, "4bf92f3577b34da6a": 18, strings.Repeat("a", 33): 33, strings.Repeat("a", 5000): 33,
		"4bf92f3577b34dg6a3ce929d0e0e4736": 15, "ä": 1, strings.Repeat("0", 32): 1, "\x00": 1, "4bf92f35-77b3": 9,
	} {
		_, err := ParseID(text)
		if bad, ok := err.(*IDError); !ok || bad.Position != position || bad.Detail == "" {
			t.Errorf("%q: %v, want a mistake at %d", text, err, position)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ ui, query, link string }{
		{"", "", ""},
		{"", "jaeger=http://localhost:16686", "http://localhost:16686/trace/ID"},
		{"", "jaeger=https://u:p@host/jaeger/", "https://host/jaeger/trace/ID"},
		{"", "zipkin=http://host:9411", "http://host:9411/zipkin/traces/ID"},
		{"https://grafana.example/explore?left={trace_id}#x", "jaeger=http://host", "https://grafana.example/explore?left=ID#x"},
	} {
		p, err := ParsePage(c.ui, c.query)
		if got := p.Link("ID"); got != c.link || err != nil || CheckQuery(c.query) != nil {
			t.Errorf("%q %q: %q, %v", c.ui, c.query, got, err)
		}
	}
	for _, wrong := range []string{"http://host", "tempo=http://host", "jaeger=", "jaeger=host:16686", "zipkin=ftp://host", "jaeger=http://host?a=b", "jaeger=http://:80", "jaeger=http://a b:s3cret@h"} {
		if err := CheckQuery(wrong); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	for _, wrong := range []string{"https://host/trace/", "host/{trace_id}", "javascript:{trace_id}", "http://{trace_id}/", "https://[{trace_id}"} {
		if p, err := ParsePage(wrong, ""); err == nil {
			t.Errorf("%s: %+v", wrong, p)
		}
	}
	if (Page{}).Link("ID") != "" || (Page{"http://host/", ""}).Link("") != "" {
		t.Error("a link without a page, or without a trace")
	}
}
