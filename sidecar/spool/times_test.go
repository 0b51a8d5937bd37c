package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"testing"
	"time"
)

// takeTimes makes calls in turn with plain writes and with nothing but looks at the clock, and prints the times of each: what the
// latter take is what the machine, the collector and Go's scheduler make of everything. Of the slow calls it says how many
// gave the processor up by themselves, as who waits for a lock or a disk does, and were not just robbed of it.
func takeTimes(t *testing.T, call func(i int, f []byte), payload string) {
	t.Helper()
	const n, slow = 99_900, time.Millisecond
	peer, waited, all := newPeer(t), 0, [3][]time.Duration{}
	for i := range n {
		f := frame(payload)
		given := switches()
		began := time.Now()
		call(i, f)
		took := time.Since(began)
		if took > slow && switches() != given {
			waited++
		}
		began = time.Now()
		peer.write(f)
		written := time.Since(began)
		began = time.Now()
		for range 10 {
			_ = time.Now()
		}
		all[0], all[1], all[2] = append(all[0], took), append(all[1], written), append(all[2], time.Since(began))
	}
	at := func(i int, share float64) float64 {
		slices.Sort(all[i])
		return float64(all[i][int(share*(n-1))].Nanoseconds()) / 1000
	}
	t.Logf("METRIC slowest_call_on_full_spool_us=%.0f limit=1000 (in turn with it: plain writes %.0f, looks at the clock %.0f)", at(0, 1), at(1, 1), at(2, 1))
	for i, what := range []string{"call_on_full_spool", "plain_write", "clock"} {
		at(i, 1) // sorts
		beyond := n - sort.Search(n, func(k int) bool { return all[i][k] > slow })
		t.Logf("METRIC %s_us p50=%.1f p99=%.1f p999=%.1f p9999=%.1f max=%.0f above_1ms=%d", what, at(i, 0.5), at(i, 0.99), at(i, 0.999), at(i, 0.9999), at(i, 1), beyond)
	}
	t.Logf("METRIC calls_on_full_spool_that_waited_1ms=%d limit=0", waited)
}

// peer does what the spool has to do at least: write(2) to files of the same size, of which the oldest goes.
type peer struct {
	t     *testing.T
	dir   string
	file  *os.File
	at    int64
	files int
}

func newPeer(t *testing.T) *peer {
	p := &peer{t: t, dir: t.TempDir(), at: 64 << 10}
	t.Cleanup(func() { _ = p.file.Close() })
	return p
}

func (p *peer) write(b []byte) {
	if p.at+int64(len(b)) > 64<<10 {
		if p.file != nil {
			_ = p.file.Close()
		}
		file, err := os.Create(filepath.Join(p.dir, fmt.Sprint(p.files)))
		if err != nil {
			p.t.Fatal(err)
		}
		p.file, p.at = file, 0
		if p.files++; p.files > 14 {
			_ = os.Remove(filepath.Join(p.dir, fmt.Sprint(p.files-15)))
		}
	}
	if _, err := p.file.WriteAt(b, p.at); err != nil {
		p.t.Fatal(err)
	}
	p.at += int64(len(b))
}
