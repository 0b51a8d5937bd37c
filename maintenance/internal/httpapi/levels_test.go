package httpapi

import (
	"fmt"
	"slices"
	"testing"
)

func levelRows() (all []Level) {
	for _, s := range []string{"b", "a"} {
		for i := range 3 {
			for _, l := range []string{"x.y", "", "x"} {
				all = append(all, Level{Service: s, Instance: fmt.Sprint(s, "-", i), Logger: l})
			}
		}
	}
	return all
}

// turn goes through the pages; each is made of what rows says then.
func turn(t *testing.T, limit int, rows func(page int) []Level) (got []Level) {
	t.Helper()
	in := &levelsIn{}
	for n := 0; ; n++ {
		after, err := in.after()
		if err != nil {
			t.Fatal(err)
		}
		some, next := page(rows(n), after, limit)
		got = append(got, some...)
		if in.Cursor = next; next == "" {
			return got
		}
		if len(some) != limit {
			t.Fatalf("%d rows of %d, and there are more", len(some), limit)
		}
	}
}

func TestThePagesOfLevelsAreAllLevels(t *testing.T) {
	want := levelRows()
	slices.SortFunc(want, func(a, b Level) int { return slices.Compare(a.place(), b.place()) })
	for limit := 1; limit <= len(want)+1; limit++ {
		if got := turn(t, limit, func(int) []Level { return levelRows() }); !slices.Equal(got, want) {
			t.Errorf("pages of %d: %v", limit, got)
		}
	}
	if got := turn(t, 5, func(int) []Level { return nil }); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

// An instance that goes between two pages, and with it the row that the cursor names, moves no other row.
func TestALevelThatGoesMovesNoOther(t *testing.T) {
	for limit := 1; limit < 18; limit++ {
		got := turn(t, limit, func(page int) []Level {
			return slices.DeleteFunc(levelRows(), func(l Level) bool { return page > 0 && l.Instance == "a-1" })
		})
		left := slices.DeleteFunc(got, func(l Level) bool { return l.Instance == "a-1" })
		if len(left) != 15 || len(slices.Compact(slices.Clone(left))) != 15 {
			t.Errorf("pages of %d: %v", limit, left)
		}
	}
}

func TestACursorOfNoLevelIsRefused(t *testing.T) {
	for _, bad := range []string{"!", "W10", "WyJhIl0", "bnVsbA"} {
		if after, err := (&levelsIn{Cursor: bad}).after(); err == nil {
			t.Errorf("%q is %v", bad, after)
		}
	}
}
