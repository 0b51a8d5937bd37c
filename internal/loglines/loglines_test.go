package loglines

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestTheSameSeedGivesTheSameLines(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]func(uint64) *Source{"random": Random, "template": Template} {
		a, b, total, msgs := of(7), of(7), 0, map[string]bool{}
		const lines = 5000
		for range lines {
			l := a.Next()
			if !reflect.DeepEqual(l, b.Next()) || !json.Valid(l.Attrs) {
				t.Fatalf("%s: %+v", name, l)
			}
			total += l.Bytes()
			msgs[l.Msg] = true
		}
		if mean := total / lines; mean < Payload-8 || mean > Payload+8 {
			t.Errorf("%s: %d bytes on average, want %d", name, mean, Payload)
		}
		if n := len(msgs); (name == "template") != (n == 40) {
			t.Errorf("%s: %d different messages", name, n)
		}
	}
}
