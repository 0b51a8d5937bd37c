package logs

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSnapshots(t *testing.T) {
	t.Parallel()
	s, err := ParseSnapshot("10:20:12,15")
	if err != nil || s.String() != "10:20:12,15" {
		t.Fatal(s, err)
	}
	for tx, want := range map[uint64]bool{0: true, 9: true, 10: true, 12: false, 13: true, 15: false, 19: true, 20: false, 1 << 62: false} {
		if s.Sees(tx) != want {
			t.Errorf("%d: %v", tx, !want)
		}
	}
	for _, text := range []string{"", "1", "1:2", "2:1:", "1:2:2", "1:5:0", "a:b:", "1:2:,", "-1:2:", "1:9:" + strings.Repeat("3,", 2000) + "3", "99999999999999999999:1:"} {
		if _, err := ParseSnapshot(text); err == nil {
			t.Errorf("%.40q was taken", text)
		}
	}
	d := &Delta{Seen: s, Upto: &Snapshot{Xmin: 15, Xmax: 30, Active: []uint64{25}}}
	var shown []uint64
	for tx := range uint64(40) {
		if d.Shows(tx) {
			shown = append(shown, tx)
		}
	}
	if want := []uint64{12, 15, 20, 21, 22, 23, 24, 26, 27, 28, 29}; !slices.Equal(shown, want) {
		t.Errorf("shown %v, want %v", shown, want)
	}
}

func snapshots() *rapid.Generator[*Snapshot] {
	return rapid.Custom(func(t *rapid.T) *Snapshot {
		s := &Snapshot{Xmin: rapid.Uint64Range(0, 1000).Draw(t, "xmin")}
		s.Xmax = s.Xmin + rapid.Uint64Range(0, 20).Draw(t, "more")
		for tx := s.Xmin; tx < s.Xmax; tx++ {
			if rapid.Bool().Draw(t, "active") {
				s.Active = append(s.Active, tx)
			}
		}
		return s
	})
}

// A place is read back as it was named, and nothing else is taken for one.
func TestPlacesAreReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := place{seen: snapshots().Draw(t, "seen"), since: time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, "since")).UTC()}
		if rapid.Bool().Draw(t, "within") {
			p.upto = snapshots().Draw(t, "upto")
			p.after = &Key{time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, "ts")).UTC(), rapid.Int64().Draw(t, "id")}
		}
		text := p.String()
		got, err := readPlace(text)
		if err != nil || got.String() != text || !got.since.Equal(p.since) || (got.after == nil) != (p.after == nil) || got.after != nil && *got.after != *p.after {
			t.Fatalf("%+v, %v, want %+v", got, err, p)
		}
		cut := rapid.IntRange(0, len(text)-1).Draw(t, "cut")
		if bad, err := readPlace(text[:cut]); err == nil && bad.String() != text[:cut] {
			t.Fatalf("%q was taken", text[:cut])
		}
	})
	for _, text := range []string{"", "1", "MXx8fHw", "!", strings.Repeat("A", 9000)} {
		if _, err := Resume(nil, Query{}, text); !errors.Is(err, ErrPlace) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

func FuzzPlace(f *testing.F) {
	f.Add(place{seen: &Snapshot{Xmin: 1, Xmax: 2}, since: time.UnixMicro(5)}.String())
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := readPlace(text); err == nil && p.String() != text {
			t.Errorf("%q is read as %q", text, p)
		}
	})
}
