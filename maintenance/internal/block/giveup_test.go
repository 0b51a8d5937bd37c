package block

import (
	"strings"
	"testing"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// A text in which the beginning of a phrase stands a thousand times is looked through only as long as there is time.
func TestALongTextIsGivenUp(t *testing.T) {
	t.Parallel()
	var all []*record.Record
	for range often { // as a whole it is a piece, with many hits
		all = append(all, &record.Record{TS: hour(), Msg: strings.Repeat("a ", 1000), Attrs: []byte("{}")})
	}
	b, _ := Build(all)
	e, err := query.Parse(`"a b"`)
	if err != nil {
		t.Fatal(err)
	}
	if found, ok := Compile(e, nil).Match(b.Apart(&b.Head), Full(b.Records)); !ok || !found.Empty() {
		t.Errorf("found %v, to its end: %v", found, ok)
	}
	asked := 0
	_, ok := Compile(e, func() bool { asked++; return true }).Match(b.Apart(&b.Head), Full(b.Records))
	if ok || asked == 0 {
		t.Errorf("time was asked for %d times, and the matcher went on", asked)
	}
}

// Hits are numbered by the entries that they lie in, however many there are in one.
func TestHitsKnowTheirEntry(t *testing.T) {
	t.Parallel()
	list := []string{"", "aa", "xaxax", "", "b", "a"}
	type hit struct{ n, at int }
	var got []hit
	hits(strings.Join(list, Unit), Unit[0], "a", func(n int, text string, at int) bool {
		if text != list[n] {
			t.Errorf("entry %d is %q, want %q", n, text, list[n])
		}
		got = append(got, hit{n, at})
		return n == 1 // one of it is enough
	})
	want := []hit{{1, 0}, {2, 1}, {2, 3}, {5, 0}}
	if len(got) != len(want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%v, want %v", got, want)
		}
	}
}
