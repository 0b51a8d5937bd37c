package foreign

import (
	"bytes"
	"testing"

	"github.com/go-logfmt/logfmt"
	"pgregory.net/rapid"
)

// What the format's own library writes, we read. The library's decoder is no choice here: it takes its text from an
// io.Reader through a buffer of 4 KiB per line, and gives up what it has read of a line that is none of its own.
func TestPairsReadWhatLogfmtWrites(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfN(rapid.StringMatching(`[a-z_.]{1,9}`), 1, 9).Draw(t, "keys")
		values := rapid.SliceOfN(rapid.String(), len(keys), len(keys)).Draw(t, "values")
		var b bytes.Buffer
		e := logfmt.NewEncoder(&b)
		for i, k := range keys {
			if err := e.EncodeKeyval(k, values[i]); err != nil {
				t.Fatal(err)
			}
		}
		all, ok := pairs(b.String())
		if !ok || len(all) != len(keys) {
			t.Fatalf("%d pairs of %q", len(all), b.String())
		}
		for i, p := range all {
			if p.key != keys[i] || p.text != values[i] && p.text+values[i] != "null" {
				t.Fatalf("%q=%q, written as %q=%q in %q", p.key, p.text, keys[i], values[i], b.String())
			}
		}
	})
}
