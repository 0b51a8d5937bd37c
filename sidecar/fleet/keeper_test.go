package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

// machine has clocks that a test sets. In a synctest bubble they go with its time.
type machine struct {
	boot   string
	booted time.Time
	wrong  time.Duration // by which the wall clock is
}

func (m *machine) clocks() clocks {
	return clocks{wall: func() time.Time { return time.Now().Add(m.wrong) },
		boot: func() (string, time.Duration, bool) { return m.boot, time.Since(m.booted), m.boot != "" }}
}

// reboot begins another boot.
func (m *machine) reboot() { m.boot, m.booted = m.boot+"+", time.Now() }

// instance is catalogs-1 with its leases in file.
func (m *machine) instance(t *testing.T, v *view, file string) (*Agent, *table, *prometheus.Registry) {
	t.Helper()
	levels, r := &table{}, prometheus.NewRegistry()
	return New(Settings{Service: "catalogs", Instance: "catalogs-1", Epoch: "e1", Client: v, Registerer: r, StateFile: file, clocks: m.clocks(),
		Effects: map[string]lease.Effect{lease.Level: LevelEffect(levels)}}), levels, r
}

// once answers the first Sync, and is away from then on.
func once(v *view, answers func(*fleetv1.SyncRequest) (*fleetv1.SyncResponse, error)) func(*fleetv1.SyncRequest) (*fleetv1.SyncResponse, error) {
	return func(in *fleetv1.SyncRequest) (*fleetv1.SyncResponse, error) {
		if v.calls() > 1 {
			return away(in)
		}
		return answers(in)
	}
}

// live runs it for a while, then kills it.
func live(t *testing.T, a *Agent, d time.Duration) {
	t.Helper()
	ctx, kill := context.WithTimeout(t.Context(), d)
	defer kill()
	_ = a.Run(ctx)
}

func TestARestartWithoutViewServiceGoesOnWithWhatWasLeft(t *testing.T) {
	t.Parallel()
	minute, kept := lev("a", 1, "DEBUG", time.Minute), lev("k", 2, "WARN", 0)
	kept.Keep = true
	for name, c := range map[string]struct {
		change      func(m *machine)
		down        time.Duration
		want        string
		after, gone time.Duration // the lease is there after, and no more by gone, since the restart
	}{
		"at once":                            {nil, 0, "a:=DEBUG k:=WARN", 49 * time.Second, 50 * time.Second},
		"after a while":                      {nil, 20 * time.Second, "a:=DEBUG k:=WARN", 29 * time.Second, 30 * time.Second},
		"too late":                           {nil, 51 * time.Second, "k:=WARN", 0, 0},
		"the wall clock was set on":          {func(m *machine) { m.wrong = time.Hour }, 20 * time.Second, "a:=DEBUG k:=WARN", 29 * time.Second, 30 * time.Second},
		"the wall clock was set back":        {func(m *machine) { m.wrong = -time.Hour }, 20 * time.Second, "a:=DEBUG k:=WARN", 29 * time.Second, 30 * time.Second},
		"after a reboot":                     {(*machine).reboot, 20 * time.Second, "a:=DEBUG k:=WARN", 29 * time.Second, 30 * time.Second},
		"after a reboot, too late":           {(*machine).reboot, 51 * time.Second, "k:=WARN", 0, 0},
		"after a reboot, the clock set on":   {func(m *machine) { m.reboot(); m.wrong = 10 * time.Second }, 20 * time.Second, "a:=DEBUG k:=WARN", 19 * time.Second, 20 * time.Second},
		"after a reboot, the clock set back": {func(m *machine) { m.reboot(); m.wrong = -time.Hour }, 20 * time.Second, "k:=WARN", 0, 0},
		"where no boot is known":             {func(m *machine) { m.boot = "" }, 20 * time.Second, "a:=DEBUG k:=WARN", 29 * time.Second, 30 * time.Second},
		"the boot's clock went back":         {func(m *machine) { m.booted = m.booted.Add(time.Hour) }, 20 * time.Second, "k:=WARN", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "leases", "catalogs", "catalogs-1.json")
			synctest.Test(t, func(t *testing.T) {
				m := &machine{boot: "b", booted: time.Now().Add(-time.Hour)}
				v := &view{}
				v.answers = once(v, answering(2, minute, kept))
				first, levels, _ := m.instance(t, v, file)
				live(t, first, 10*time.Second-time.Nanosecond)
				if levels.is() != "a:=DEBUG k:=WARN" {
					t.Fatalf("at first: %q", levels.is())
				}
				if c.change != nil {
					c.change(m)
				}
				<-time.After(c.down)
				second, levels, _ := m.instance(t, v, file)
				if levels.is() != c.want {
					t.Errorf("after the restart: %q, want %q", levels.is(), c.want)
				}
				go live(t, second, time.Hour)
				<-time.After(c.after - time.Millisecond)
				if synctest.Wait(); levels.is() != c.want {
					t.Errorf("after %s: %q, want %q", c.after, levels.is(), c.want)
				}
				<-time.After(c.gone + time.Millisecond - max(0, c.after-time.Millisecond))
				if synctest.Wait(); levels.is() != "k:=WARN" {
					t.Errorf("after %s: %q", c.gone, levels.is())
				}
				<-time.After(time.Hour)
			})
		})
	}
}

// written makes a file as an instance leaves it.
func written(t *testing.T) (file string, raw []byte) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "leases.json")
	kept := lev("k", 1, "WARN", 0)
	kept.Keep = true
	a, _, _ := (&machine{}).instance(t, &view{answers: answering(1, kept)}, file)
	if err := a.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	live(t, a, 0)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return file, raw
}

func TestAFileThatIsNotItsOwnIsDroppedCountedAndNeverTheStart(t *testing.T) {
	t.Parallel()
	_, raw := written(t)
	cases := map[string]func(file string) error{
		"empty": func(file string) error { return os.WriteFile(file, nil, 0o600) },
		"another's": func(file string) error {
			return os.WriteFile(file, bytes.ReplaceAll(raw, []byte("catalogs-1"), []byte("catalogs-2")), 0o600)
		},
		"a value is edited": func(file string) error {
			return os.WriteFile(file, bytes.Replace(raw, []byte("WARN"), []byte("INFO"), 1), 0o600)
		},
		"others may write": func(file string) error { return errors.Join(os.WriteFile(file, raw, 0o600), os.Chmod(file, 0o666)) },
		"a folder":         func(file string) error { return os.Mkdir(file, 0o700) },
		"a pipe":           func(file string) error { return syscall.Mkfifo(file, 0o600) },
		"a link":           func(file string) error { return os.Symlink("/dev/zero", file) },
		"huge": func(file string) error {
			return errors.Join(os.WriteFile(file, raw, 0o600), os.Truncate(file, maxRecord+1))
		},
	}
	for n := range raw {
		cases[fmt.Sprintf("cut after %d bytes", n)] = func(file string) error { return os.WriteFile(file, raw[:n], 0o600) }
	}
	for name, spoil := range cases {
		file := filepath.Join(t.TempDir(), "leases.json")
		if err := spoil(file); err != nil {
			t.Fatal(err)
		}
		a, levels, r := (&machine{}).instance(t, &view{answers: answering(1, lev("a", 1, "DEBUG", time.Minute))}, file)
		if levels.is() != "" || !counted(r, unreadable, 1) || !counted(r, takenUp, 0) {
			t.Errorf("%s: levels %q", name, levels.is())
		}
		if err := a.Sync(t.Context()); err != nil || levels.is() != "a:=DEBUG" {
			t.Errorf("%s: afterwards levels %q (%v)", name, levels.is(), err)
		}
	}
}

func counted(r *prometheus.Registry, result string, want float64) bool {
	all, err := r.Gather()
	if err != nil {
		return false
	}
	for _, family := range all {
		for _, m := range family.GetMetric() {
			if family.GetName() == "signalbox_leases_resumed_total" && m.GetLabel()[0].GetValue() == result {
				return m.GetCounter().GetValue() == want
			}
		}
	}
	return false
}

func TestTheFileIsTheOwnersAlone(t *testing.T) {
	t.Parallel()
	file, _ := written(t)
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (%v)", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("its folder holds %v (%v)", left, err)
	}
}

// A lease that was dropped while the disk was full does not come back by the restart.
func TestADiskThatFailsIsCountedAndForgets(t *testing.T) {
	t.Parallel()
	file, _ := written(t)
	if err := os.Mkdir(file+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	a, levels, r := (&machine{}).instance(t, &view{answers: answering(2)}, file)
	if levels.is() != "k:=WARN" || !counted(r, takenUp, 1) {
		t.Fatalf("levels %q", levels.is())
	}
	if err := a.Sync(t.Context()); err != nil || levels.is() != "" {
		t.Fatalf("levels %q (%v)", levels.is(), err)
	}
	live(t, a, 0)
	if n := testutil.ToFloat64(a.metrics.unwritten); n == 0 {
		t.Error("the failure is not counted")
	}
	again, levels, _ := (&machine{}).instance(t, &view{answers: away}, file)
	if _, held := again.Lease("k"); held || levels.is() != "" {
		t.Errorf("it came back: %q", levels.is())
	}
}

func FuzzRecord(f *testing.F) {
	whole, err := record{Service: "s", Instance: "i", Leases: []recorded{{ID: "a", Kind: "level", Value: "DEBUG", Remaining: time.Minute}}}.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"crc32c":0,"record":{}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := decode(raw, "s", "i")
		if err != nil {
			return
		}
		again, err := r.encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decode(again, "s", "i"); err != nil {
			t.Fatal(err)
		}
		for _, one := range r.Leases {
			if l, ok := one.lease(time.Now(), time.Second, true); ok && !l.Kept() && time.Until(l.Until) > one.Remaining {
				t.Errorf("%v lives longer than it had left", one)
			}
		}
	})
}
