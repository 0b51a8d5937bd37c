package peers_test

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signalbox-mesh/signalbox/sidecar/peers"
)

func TestParse(t *testing.T) {
	got, err := peers.Parse(" catalogs=127.0.0.1:1/127.0.0.1:2|127.0.0.1:3/127.0.0.1:4, identity=/[::1]:5 ,gateway=gw:80/,")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]peers.Peer{
		"catalogs": {HTTP: []string{"127.0.0.1:1", "127.0.0.1:3"}, RPC: []string{"127.0.0.1:2", "127.0.0.1:4"}},
		"identity": {RPC: []string{"[::1]:5"}},
		"gateway":  {HTTP: []string{"gw:80"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"catalogs", "=a:1/b:2", "a=", "a=/", "a=b", "a=b:0/c:1", "a=b:1/c:99999", "a=:1/b:2",
		"a=b:1/c:2,a=b:1/c:2", "A=b:1/c:2", "-a=b:1/c:2", "a=b:1/c:2|", "a=b:1/c:2/d:3", "a=user@b:1/c:2"} {
		if got, err := peers.Parse(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

func TestResolveFallsBackToDNS(t *testing.T) {
	list := peers.Static{"catalogs": {HTTP: []string{"a:1"}, RPC: []string{"a:2"}}}
	dns := peers.Peer{HTTP: []string{"identity:80"}, RPC: []string{"identity:5001"}}
	for _, r := range []peers.Resolver{list, &peers.Book{}, peers.DNS{}} {
		if diff := cmp.Diff(dns, r.Resolve("identity")); diff != "" {
			t.Error(diff)
		}
	}
	if got := list.Resolve("catalogs").RPC[0]; got != "a:2" {
		t.Error(got)
	}
}

func TestBookIsSafeAndItsAnswersAreCopies(t *testing.T) {
	var b peers.Book
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { b.Add("scheduler", "h:1", "h:2") })
		all.Go(func() { b.Resolve("scheduler") })
	}
	all.Wait()
	p := b.Resolve("scheduler")
	if len(p.RPC) != 20 {
		t.Errorf("%d replicas", len(p.RPC))
	}
	p.RPC[0] = "changed"
	b.Remove("other")
	if b.All()["scheduler"].RPC[0] != "h:2" {
		t.Error("the book was changed through its answer")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("a=b:1/c:2|d:3/e:4,f=/g:5")
	f.Add("a=[::1]:1/")
	f.Fuzz(func(t *testing.T, text string) {
		first, err := peers.Parse(text)
		if err != nil {
			return
		}
		again, err := peers.Parse(peers.Format(first))
		if err != nil {
			t.Fatalf("%q formats to what cannot be read: %v", text, err)
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Fatal(diff)
		}
	})
}
