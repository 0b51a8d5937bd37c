package block

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// In full blocks of lines as services write them, with columns of every kind, what is cut from some record at random is
// found in just the records that the plain meaning finds it in; and no filter denies it.
func TestWhatIsCutFromALineIsFound(t *testing.T) {
	t.Parallel()
	for name, source := range sources() {
		all := lines(source, 1500)
		for i, r := range all { // odd digits, and ids
			r.Attrs = fmt.Appendf(r.Attrs[:len(r.Attrs)-1], `,"odd":"%07x","id":"%08x-58cc-4372-a567-%012x","note":"%d x"}`, i*7919&0xfffffff, i*2654435761&0xffffffff, i*31, i)
		}
		b, f := Build(all)
		same(t, b, copies(all))
		plain := make([]query.Record, len(all))
		for i, r := range all {
			plain[i] = plainRecord(r)
		}
		random, found := rand.New(rand.NewPCG(1, 2)), 0
		for n := range 64 {
			text := cutFrom(random, n, b)
			e, err := query.Parse(text)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			among := Full(b.Records)
			if n%3 == 0 {
				among.Clear(100, 700)
			}
			got, ok := Compile(e, nil).Match(b.Apart(&b.Head), among)
			denied := !f.May(query.Require(e))
			for i := range plain {
				want := among.Has(i) && query.Match(e, &plain[i])
				if want {
					found++
				}
				if !ok || got.Has(i) != want || want && denied {
					t.Fatalf("%s: %s on %d is %v, want %v; denied: %v\n%+v", name, text, i, got.Has(i), want, denied, plain[i])
				}
			}
		}
		t.Logf("%s: %d were found", name, found)
		if found < 1000 {
			t.Errorf("that proves little")
		}
	}
}

// cutFrom asks for a piece of some record.
func cutFrom(random *rand.Rand, n int, b *Block) string {
	i := random.IntN(b.Records)
	msg, attrs := b.Msg(i), b.Attr(i)
	cut := func(s string, most int) string {
		from := random.IntN(len(s) - 1)
		return s[from:min(len(s), from+1+random.IntN(most))]
	}
	var values []string
	query.Attrs([]byte(attrs), func(a query.Attr) { values = append(values, a.Name, a.Text) })
	k := 2 * random.IntN(len(values)/2)
	name, value := values[k], values[k+1]
	switch n % 8 {
	case 0:
		return quoted(cut(msg, 30))
	case 1:
		return "msg:" + quoted(cut(msg, 9))
	case 2:
		return quoted(cut(value, 12))
	case 3:
		return name + "=" + quoted(value)
	case 4:
		return name + ":*" + quotedLess(cut(value, 6)) + "*"
	case 5:
		return fmt.Sprintf("duration_ms%s%d.%d", []string{"<", ">=", "=", ">"}[random.IntN(4)], random.IntN(1000), random.IntN(1000))
	case 6:
		return fmt.Sprintf("user_id%s%d", []string{"<", "<=", "=", ">"}[random.IntN(4)], random.IntN(100_000))
	default:
		return "*" + quotedLess(cut(msg, 5)) + "*" + quotedLess(cut(msg, 5)) + "*"
	}
}

// quotedLess leaves out what cannot stand in a query without quotes.
func quotedLess(s string) string {
	out := []byte("*")
	for i := range len(s) {
		if isWord(s[i]) {
			out = append(out, s[i])
		}
	}
	return string(out)
}
