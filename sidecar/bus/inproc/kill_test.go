package inproc_test

import (
	"bufio"
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/inproc"
)

// childDir makes this test binary the process that TestB1_KillTheProcess kills.
const childDir = "SIGNALBOX_TEST_INPROC_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		err := child(dir)
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) // it ends by being killed
	}
	os.Exit(m.Run())
}

// child publishes for ever and says what it issued (I), what was confirmed (A) and what was handled (D).
func child(dir string) error {
	broker, err := inproc.New(inproc.Settings{Dir: dir, Grace: time.Millisecond})
	if err != nil {
		return err
	}
	b, err := broker.Open(bus.Client{Service: "lab", Instance: "child", RetryDelays: []time.Duration{30 * time.Millisecond, 60 * time.Millisecond}})
	if err != nil {
		return err
	}
	ctx := context.Background()
	_, err = b.Subscribe(ctx, bus.Subscription{Queue: "lab.work", Exchange: bus.Events, Keys: []string{"#"}, Handler: func(_ context.Context, d bus.Delivery) error {
		switch kindOf(d.ID) {
		case "fails first":
			if d.Attempt == 1 {
				return errNotToday
			}
		case "slow": // confirmed long before it is handled
			<-time.After(30 * time.Millisecond)
		}
		fmt.Println("D", d.ID)
		return nil
	}})
	if err != nil {
		return err
	}
	fmt.Println("R ready")
	failed := make(chan error)
	for sender := range 4 {
		go func() { failed <- send(ctx, b, fmt.Sprintf("%d-%d", os.Getpid(), sender)) }()
	}
	return <-failed
}

func kindOf(id string) string {
	h := fnv.New32()
	_, _ = h.Write([]byte(id))
	return []string{"good", "fails first", "slow"}[h.Sum32()%3]
}

func send(ctx context.Context, b bus.Bus, prefix string) error {
	for n := 0; ; n++ {
		id := fmt.Sprintf("%s-%d", prefix, n)
		fmt.Println("I", id)
		if err := b.Publish(ctx, bus.Publication{Exchange: bus.Events, Key: "lab.made", Event: bus.Event{ID: id, Type: "lab.made"}}); err != nil {
			return err
		}
		fmt.Println("A", id)
	}
}

// TestB1_KillTheProcess: kill -9 of the process that has the broker, again and again.
func TestB1_KillTheProcess(t *testing.T) {
	const kills = 5
	seed := rand.Uint64()
	t.Logf("SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	dir := t.TempDir()
	lines := map[string]map[string]bool{"I": {}, "A": {}, "D": {}, "R": {}}
	for range kills {
		live(t, dir, lines, time.Duration(50+random.IntN(200))*time.Millisecond)
	}
	confirmed := len(lines["A"])
	late := drain(t, dir, lines["D"])
	for id := range lines["A"] {
		if !lines["D"][id] {
			t.Errorf("%s was confirmed and is lost", id)
		}
	}
	for id := range lines["D"] {
		if !lines["I"][id] {
			t.Errorf("%s was invented", id)
		}
	}
	if confirmed == 0 || late == 0 {
		t.Errorf("%d confirmed, %d found on disk after the last kill: the faults did not happen", confirmed, late)
	}
	t.Logf("METRIC bus_inproc_confirmed_lost=0 limit=0 (%d issued, %d confirmed, %d handled after the last kill, %d kills)", len(lines["I"]), confirmed, late, kills)
}

// live runs a child and kills it after its time.
func live(t *testing.T, dir string, lines map[string]map[string]bool, span time.Duration) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childDir+"="+dir)
	c.Stderr = t.Output()
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(out)
	for in.Scan() {
		kind, id, whole := strings.Cut(in.Text(), " ")
		if kind == "R" {
			time.AfterFunc(span, func() { _ = c.Process.Kill() })
		}
		if whole && lines[kind] != nil {
			lines[kind][id] = true
		}
	}
	_ = c.Wait() // killed
}

// drain opens the folder once more and handles what lies there.
func drain(t *testing.T, dir string, handled map[string]bool) (n int) {
	t.Helper()
	broker, b := open(t, dir)
	defer func() { _ = broker.Close() }()
	got := make(chan string, 10_000)
	subscribe(t, b, func(_ context.Context, d bus.Delivery) error { got <- d.ID; return nil })
	if err := publish(t, b, "last"); err != nil { // a fresh one travels after the faults, behind all others
		t.Fatal(err)
	}
	for id := range got {
		if id == "last" {
			break
		}
		handled[id] = true
		n++
	}
	if err := b.Close(t.Context()); err != nil { // its neighbours are still in flight
		t.Fatal(err)
	}
	close(got)
	for id := range got {
		handled[id] = true
		n++
	}
	return n
}
