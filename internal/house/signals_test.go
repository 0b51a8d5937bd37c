package house_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/house"
)

// listener is a service that says what it was told.
type listener struct {
	house.Service
	name string
	told chan string
}

func (l listener) Verbose(by string) { l.told <- fmt.Sprint(l.name, " verbose by ", by) }
func (l listener) Quiet(by string)   { l.told <- fmt.Sprint(l.name, " quiet by ", by) }

func TestSignalsReachEveryService(t *testing.T) {
	told := make(chan string, 10)
	end := house.Obey(listener{name: "a", told: told}, listener{name: "b", told: told})
	for _, c := range []struct {
		signal syscall.Signal
		want   []string
	}{
		{syscall.SIGUSR1, []string{"a verbose by SIGUSR1", "b verbose by SIGUSR1"}},
		{syscall.SIGUSR2, []string{"a quiet by SIGUSR2", "b quiet by SIGUSR2"}},
	} {
		if err := syscall.Kill(syscall.Getpid(), c.signal); err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			select {
			case got := <-told:
				if got != want {
					t.Errorf("%q, want %q", got, want)
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("nobody was told of %s", c.signal)
			}
		}
	}
	end()
	end()
}
