package timed_test

import (
	"strings"
	"testing"

	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	good := timed.Schedule{Name: "billing.close-month", Cron: "@monthly", Payload: []byte(`{"a":1}`)}
	if err := good.Validate("billing"); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*timed.Schedule){
		"another's prefix": func(s *timed.Schedule) { s.Name = "catalogs.x" },
		"no words":         func(s *timed.Schedule) { s.Name = "billing." },
		"wildcard":         func(s *timed.Schedule) { s.Name = "billing.#" },
		"upper case":       func(s *timed.Schedule) { s.Name = "billing.Close" },
		"misfire":          func(s *timed.Schedule) { s.Misfire = "maybe" },
		"window":           func(s *timed.Schedule) { s.Window = -1 },
		"deadline":         func(s *timed.Schedule) { s.Deadline = -1 },
		"payload":          func(s *timed.Schedule) { s.Payload = []byte("{") },
		"payload no text":  func(s *timed.Schedule) { s.Payload = []byte("{\"a\":\"\xff\"}") },
		"large payload":    func(s *timed.Schedule) { s.Payload = []byte(`"` + strings.Repeat("x", timed.MaxPayload) + `"`) },
	} {
		s := good
		spoil(&s)
		if err := s.Validate("billing"); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
