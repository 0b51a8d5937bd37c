package postgres

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/postgres"
	"github.com/signalbox-mesh/signalbox/internal/servers/smalldisk"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// small is a server whose data lie on the disk, and a filler that takes a quarter of it.
func small(t *testing.T, disk string) (server *postgres.Server, filler string) {
	t.Helper()
	before := smalldisk.Free(t, disk)
	server, err := postgres.New(t.Context(), postgres.Settings{Dir: filepath.Join(disk, "postgres"), Disposable: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = server.Stop(ctx) // its data is of no use
	})
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if used := before - smalldisk.Free(t, disk); used < 1<<20 {
		t.Fatalf("the server lies elsewhere: it has taken %d bytes", used)
	}
	filler = filepath.Join(disk, "filler")
	if err := os.WriteFile(filler, make([]byte, 24<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	return server, filler
}

// S-2: the disk of the database is full. Whoever sends batches sends them again, and once there is space and the server
// is back, all is stored that was acknowledged, and nothing twice.
func TestS2_AFullDiskLosesNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	smalldisk.Run(t, 96<<20, fullDisk)
}

func fullDisk(t *testing.T, disk string) {
	server, filler := small(t, disk)
	s := open(t, pgtest.On(t, server, "maintenance"))
	seq := uint64(0)
	next := func() []record.Record {
		all := span(seq+1, seq+500)
		for i := range all {
			all[i].Attrs = []byte(`{"text":"` + strings.Repeat(string(rune('a'+i%26)), 100) + string(noise(int(seq)+i)) + `"}`)
		}
		seq += 500
		return all
	}
	acked := 0
	refused := func(batch []record.Record) bool {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		res, err := s.Write(ctx, batch)
		if err == nil {
			acked += res.Stored + res.Duplicates
		}
		return err != nil
	}
	batch := next()
	for full := time.Now().Add(90 * time.Second); !refused(batch); batch = next() {
		if time.Now().After(full) {
			t.Fatal("the disk did not become full: the fault did not happen")
		}
	}
	t.Logf("full after %d records", acked)
	if acked == 0 {
		t.Fatal("nothing was acknowledged before")
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	freed := time.Now()
	back(t, server, s)
	ready := time.Now()
	wait.For(t, 30*time.Second, "the batch to be taken after all", func() bool { return !refused(batch) })
	t.Logf("METRIC drain_after_full_seconds=%.2f limit=30 (the server took %.2f)", time.Since(ready).Seconds(), ready.Sub(freed).Seconds())
	for range 5 {
		if batch = next(); refused(batch) {
			t.Error("a batch is refused though there is space")
		}
	}
	all := map[uint64]int{}
	for _, b := range blocks(t, s) {
		for i := range b.Records {
			all[b.Record(i).Seq]++
		}
	}
	for n := uint64(1); n <= seq; n++ {
		if all[n] != 1 {
			t.Fatalf("record %d is there %d times", n, all[n])
		}
	}
	if acked != int(seq) || gaps(t, s) != nil {
		t.Errorf("acknowledged %d of %d, gaps %v", acked, seq, gaps(t, s))
	}
	t.Logf("METRIC acknowledged_lost_on_full_disk=0 limit=0")
}

// back starts the server again if the full disk has ended it, and waits until it answers.
func back(t *testing.T, server *postgres.Server, s *Store) {
	t.Helper()
	answers := func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := s.db.Pool().Exec(ctx, `SELECT 1`)
		return err == nil
	}
	wait.For(t, time.Minute, "the server", func() bool {
		if server.PID() == 0 {
			if err := server.Restart(t.Context()); err != nil {
				t.Log(err)
				return false
			}
		}
		return answers()
	})
}

// noise is text that lz4 cannot make smaller.
func noise(n int) []byte {
	text := make([]byte, 600)
	x := uint64(n)*0x9E3779B97F4A7C15 + 1
	for i := range text {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		text[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[x>>58]
	}
	return text
}
