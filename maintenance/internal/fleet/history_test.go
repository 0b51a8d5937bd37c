package fleet

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/topology"
	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
)

func TestWhatAReportBringsToLight(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	ago := func(seconds int) time.Time { return now.Add(-time.Duration(seconds) * time.Second) }
	report := func(epoch, health string, checks ...topology.Check) Report {
		return Report{Instance: Instance{Epoch: epoch, Health: health}, Since: ago(20), Checks: checks}
	}
	goodbye := func(r Report) Report { r.Stopping = true; return r }
	db := func(status string, since int) topology.Check {
		return topology.Check{Name: "db", Status: status, Error: map[string]string{"down": "refused"}[status], Since: ago(since)}
	}
	before := func(epoch string, state State, health string, checks ...topology.Check) *Before {
		return &Before{Epoch: epoch, Health: health, Checks: checks, HeardAt: ago(100), State: state}
	}
	for what, c := range map[string]struct {
		report Report
		before *Before
		want   string // check from>to seconds ago
	}{
		"nobody knew it":                          {report("e1", "up", db("up", 30)), nil, " >up 20, db >up 30"},
		"a check that has not run":                {report("e1", "unknown", db("unknown", 30)), nil, " >unknown 20"},
		"and then has":                            {report("e1", "up", db("up", 10)), before("e1", Live, "unknown", db("unknown", 30)), " unknown>up 20, db >up 10"},
		"nothing new":                             {report("e1", "up", db("up", 500)), before("e1", Live, "up", db("up", 500)), ""},
		"a check fails":                           {report("e1", "degraded", db("down", 3)), before("e1", Live, "up", db("up", 500)), " up>degraded 20, db up>down 3 refused"},
		"it failed and came back between two":     {report("e1", "up", db("up", 2)), before("e1", Live, "up", db("up", 500)), "db up>up 2"},
		"a check of tomorrow":                     {report("e1", "up", db("down", -86400)), before("e1", Live, "up", db("up", 500)), "db up>down 0 refused"},
		"a clean stop":                            {goodbye(report("e1", "draining", db("up", 500))), before("e1", Live, "up", db("up", 500)), " up>stopped 0"},
		"its second goodbye":                      {goodbye(report("e1", "draining", db("up", 500))), before("e1", Stopped, "draining", db("up", 500)), ""},
		"again after a clean stop":                {report("e2", "up", db("up", 15)), before("e1", Stopped, "draining", db("up", 500)), " >up 20, db >up 15"},
		"again after it was killed":               {report("e2", "up", db("up", 15)), before("e1", Silent, "up", db("down", 500)), " up>lost 100,  >up 20, db >up 15"},
		"again so soon that nobody had missed it": {report("e2", "up"), before("e1", Live, "up"), " up>lost 100,  >up 20"},
		"silent for a while":                      {report("e1", "up", db("up", 500)), before("e1", Silent, "up", db("up", 500)), " up>lost 100,  lost>up 0"},
	} {
		var got []string
		for _, one := range Changes(c.report, c.before, now) {
			got = append(got, strings.TrimRight(fmt.Sprintf("%s %s>%s %.0f %s", one.Check, one.From, one.To, now.Sub(one.At).Seconds(), one.Error), " "))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %q, want %q", what, strings.Join(got, ", "), c.want)
		}
	}
}

func TestUsageThatIsNoneIsNotKept(t *testing.T) {
	t.Parallel()
	m := &memory{}
	for _, c := range []struct {
		said *fleetv1.Usage
		want string
	}{
		{nil, "<nil>"},
		{&fleetv1.Usage{CpuSeconds: math.NaN()}, "<nil>"},
		{&fleetv1.Usage{CpuSeconds: -1}, "<nil>"},
		{&fleetv1.Usage{ResidentBytes: 7, HeapBytes: 5, Goroutines: 3, CpuSeconds: 1.5, Process: "h/1"}, "&{7 5 3 1.5 h/1}"},
		{&fleetv1.Usage{ResidentBytes: math.MaxUint64, HeapBytes: math.MaxUint64, Goroutines: math.MaxUint64}, "&{9223372036854775807 9223372036854775807 2147483647 0 }"},
	} {
		if _, err := sync(t, m, &fleetv1.SyncRequest{Usage: c.said}); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(m.heard.Instance.Usage); got != c.want {
			t.Errorf("%v: %s", c.said, got)
		}
	}
}
