package settings_test

import (
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

type hashed struct {
	Base
	Name  string   `env:"INSTANCE" scope:"instance"`
	Keys  []string `env:"KEYS"`
	Extra struct {
		Depth int `env:"DEPTH"`
	} `envPrefix:"EXTRA_"`
}

func TestTheHashTellsSettingsApartAndShowsNone(t *testing.T) {
	t.Parallel()
	same := hashed{Base: Base{PostgresURL: "postgres://u:geheim@h/d", Stop: time.Second}, Keys: []string{"a", "b"}}
	of := func(key string, edit func(c *hashed)) string {
		c := same
		edit(&c)
		h, err := settings.Hash([]byte(key), &c)
		if err != nil || len(h) != 32 || strings.Contains(h, "geheim") {
			t.Fatalf("hash %q (%v)", h, err)
		}
		return h
	}
	plain := of("k", func(*hashed) {})
	if of("k", func(c *hashed) { c.Name = "catalogs-2" }) != plain {
		t.Error("the instance's own name counts")
	}
	for what, edit := range map[string]func(c *hashed){
		"a secret": func(c *hashed) { c.PostgresURL = "postgres://u:anders@h/d" }, "a duration": func(c *hashed) { c.Stop = 2 * time.Second },
		"a list": func(c *hashed) { c.Keys = []string{"a"} }, "an embedded field": func(c *hashed) { c.Conns = 9 }, "a nested one": func(c *hashed) { c.Extra.Depth = 1 },
	} {
		if of("k", edit) == plain {
			t.Errorf("%s does not count", what)
		}
	}
	if of("l", func(*hashed) {}) == plain {
		t.Error("the key does not count")
	}
	if _, err := settings.Hash(nil, 7); err == nil {
		t.Error("a number has settings")
	}
}
