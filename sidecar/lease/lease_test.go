package lease

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestTheMoreSpecificTargetWinsThenTheNewer(t *testing.T) {
	t.Parallel()
	all := []Lease{
		{ID: "instance, old", Service: "s", Instance: "i", Revision: 1}, {ID: "all, new", Revision: 9}, {ID: "service, new", Service: "s", Revision: 8},
		{ID: "service, old", Service: "s", Revision: 2}, {ID: "all, old", Revision: 3},
	}
	Sort(all)
	var got []string
	for _, l := range all {
		got = append(got, l.ID)
	}
	if want := "all, old; all, new; service, old; service, new; instance, old"; strings.Join(got, "; ") != want {
		t.Errorf("weakest first: %q, want %q", got, want)
	}
}

func TestWhomItIsForAndWhetherItEnds(t *testing.T) {
	t.Parallel()
	for target, want := range map[[2]string]bool{{"", ""}: true, {"s", ""}: true, {"s", "i"}: true, {"s", "j"}: false, {"t", ""}: false, {"t", "i"}: false} {
		if got := (Lease{Service: target[0], Instance: target[1]}).Matches("s", "i"); got != want {
			t.Error(fmt.Sprint(target), got)
		}
	}
	if !(Lease{}).Kept() || (Lease{Until: time.Now()}).Kept() {
		t.Error("only what names no end is kept")
	}
}

func TestAValueIsOneObject(t *testing.T) {
	t.Parallel()
	for value, good := range map[string]bool{
		`{"n":1}`: true, ` {"n":1} `: true, `{"n":1}{}`: false, `{"n":1}}`: false, `{"n":1}]`: false, `{"m":1}`: false, `[1]`: false, ``: false,
		`{"n":1` + strings.Repeat(" ", MaxValue) + `}`: false,
	} {
		var into struct {
			N int `json:"n"`
		}
		if err := Decode(value, &into); (err == nil) != good || good && into.N != 1 {
			t.Errorf("%.20q: %v, %d", value, err, into.N)
		}
	}
}
