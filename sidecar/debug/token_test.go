package debug

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// Whatever is decoded keeps the bounds, and is written again as it was read.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"l":"0198","v":-4,"i":1763740000000,"e":1763740060000,"n":10,"b":20}`))
	f.Add([]byte(`{"l":"\u0000","v":1e3,"i":-1,"e":9223372036854775807}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		c, err := decode(payload)
		if err != nil {
			if !errors.Is(err, errMalformed) {
				t.Errorf("%v", err)
			}
			return
		}
		if life := c.Expires - c.Issued; life <= 0 || life > lifetime.Milliseconds() || len(c.Lease) > maxLeaseID || strings.ContainsAny(c.Lease, "\n\"\x00 ") {
			t.Fatalf("out of bounds: %+v", c)
		}
		text, err := c.encode()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := decode(text); err != nil || again != c {
			t.Errorf("%+v became %+v (%v)", c, again, err)
		}
	})
}

// No text but one that was signed is believed, whatever it holds.
func FuzzRead(f *testing.F) {
	r := reader{verify: func(string) ([]byte, error) { return nil, errors.New("wrong") }}
	for _, text := range []string{"", "a.b.c", "..", "eyJhbGciOiJub25lIn0.e30.", strings.Repeat("a", MaxToken+1)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := r.read(text, time.Now()); err == nil {
			t.Errorf("%q is %+v", text, c)
		}
	})
}
