package sidecar

import (
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
)

func TestBlackBoxValues(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]logging.BlackBoxSettings{
		`{}`: {Share: 1, Bytes: 8 << 20, Keep: 30 * time.Second},
		`{"share":0.1,"bytes":65536,"seconds":5,"latency_ms":250.5}`: {Share: 0.1, Bytes: 64 << 10, Keep: 5 * time.Second, Latency: 250500 * time.Microsecond},
	} {
		if got, err := parseBlackBox(value); err != nil || got != want {
			t.Errorf("%s is %+v, %v", value, got, err)
		}
	}
	for _, value := range []string{``, `on`, `{"share":2}`, `{"share":-1}`, `{"bytes":1}`, `{"bytes":1e12}`, `{"seconds":-1}`, `{"seconds":1e30}`, `{"latency_ms":1e30}`, `{"shar":1}`} {
		if got, err := parseBlackBox(value); err == nil {
			t.Errorf("%s is %+v", value, got)
		}
	}
}

// The strongest lease says what is kept; after the last the settings do again.
func TestBlackBoxLeases(t *testing.T) {
	t.Parallel()
	logs, err := logging.New(logging.Settings{Service: "x", Instance: "x-1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = logs.Close(t.Context()) })
	box := blackBox{box: logs.BlackBox(), baseline: logging.BlackBoxSettings{Share: 1, Bytes: 8 << 20, Latency: time.Second}}
	for _, c := range []struct {
		leases  []lease.Lease
		refused int
		want    time.Duration
	}{
		{[]lease.Lease{{ID: "a", Value: `{"latency_ms":1}`}, {ID: "b", Value: `{"latency_ms":2}`}}, 0, 2 * time.Millisecond},
		{[]lease.Lease{{ID: "a", Value: `{"latency_ms":1}`}, {ID: "b", Value: `{"share":7}`}}, 1, time.Millisecond},
		{nil, 0, time.Second},
	} {
		if refused := box.Apply(c.leases); len(refused) != c.refused {
			t.Errorf("refused: %v", refused)
		}
		if got := logs.BlackBox().Latency(); got != c.want {
			t.Errorf("%v: the bound is %s, want %s", c.leases, got, c.want)
		}
	}
}
