package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// TestLossesHaveACause: an instance that is gone left a spool that was full, and of which a byte is damaged since.
// The mesh starts, ships what there is, and says of each hole why it is one.
func TestLossesHaveACause(t *testing.T) {
	t.Parallel()
	state := newState(t)
	epoch, kept := abandoned(t, filepath.Join(state, "spool", "catalogs", "catalogs-9"))
	m := start(t, state, nil, "--bus", "inproc")
	wait.For(t, 2*limit, "the records of the instance that is gone", func() bool {
		return len(m.lines(t, "service:catalogs instance:catalogs-9")) == kept
	})
	causes := map[string]int{}
	wait.For(t, limit, "the causes of what is missing", func() bool {
		clear(causes)
		for _, l := range m.lines(t, "service:catalogs logger:catalogs.logging dropped_epoch:"+epoch) {
			var why struct {
				Class   string `json:"dropped_class"`
				Reason  string `json:"dropped_reason"`
				From    int    `json:"dropped_from"`
				To      int    `json:"dropped_to"`
				Records int    `json:"dropped_records"`
			}
			if err := json.Unmarshal(l.Attrs, &why); err != nil || why.From < 1 || why.To-why.From+1 < why.Records {
				t.Errorf("%s: %v", l.Attrs, err)
			}
			causes[why.Class+" "+why.Reason] += why.Records
		}
		return causes["warn damaged"] > 0 && causes["debug full"] > 0
	})
	lost := issued - kept
	for _, n := range causes {
		lost -= n
	}
	t.Logf("METRIC records_lost_without_a_cause=%d limit=0 (%v)", lost, causes)
	if causes["warn damaged"] != 1 || lost != 0 {
		t.Errorf("%d issued, %d stored, %v", issued, kept, causes)
	}
}

const issued = 4300

// abandoned is the spool of an instance that ended; kept is what of it can still be read.
func abandoned(t *testing.T, dir string) (epoch string, kept int) {
	t.Helper()
	s, err := spool.Open(spool.Settings{Dir: dir, Service: "catalogs", Instance: "catalogs-9", Version: "1", Environment: "dev", LimitBytes: 512 << 10})
	if err != nil {
		t.Fatal(err)
	}
	write := func(c spool.Class, n int) {
		for i := range n {
			line := fmt.Sprintf(`{"ts":%q,"level":"INFO","service":"catalogs","instance":"catalogs-9","logger":"catalogs.test","msg":"%d","attrs":{"padding":%q}}`,
				time.Now().UTC().Format(time.RFC3339Nano), i, strings.Repeat("x", 600))
			s.Append(c, append(make([]byte, spool.HeaderSize), line...))
		}
	}
	write(spool.Debug, 4000)
	for range 30 {
		write(spool.Warn, 10)
		<-time.After(2 * time.Millisecond) // what gives way is removed beside the callers, who do not wait for it
	}
	for _, state := range s.Current().States() {
		kept += state.Pending
	}
	epoch = s.Current().Epoch
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	segments, err := filepath.Glob(filepath.Join(dir, epoch, "warn-*.seg"))
	if err != nil || len(segments) < 2 {
		t.Fatalf("%v %v", segments, err)
	}
	text, err := os.ReadFile(segments[1])
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(segments[1], text, 0o600); err != nil {
		t.Fatal(err)
	}
	return epoch, kept - 1
}
