package spool

import (
	"path/filepath"
	"runtime/debug"
	"testing"
)

// TestNobodyTakesTheCrashFileOfALivingProcess, not even one that looks while it is made. Not parallel: the crash output
// is the process's.
func TestNobodyTakesTheCrashFileOfALivingProcess(t *testing.T) {
	s := opened(t, Settings{})
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				s.Crashes(func(c Crash) bool { t.Errorf("told of %q", c.Text); return true })
			}
		}
	}()
	defer func() {
		close(stop)
		<-stopped
		if err := debug.SetCrashOutput(nil, debug.CrashOptions{}); err != nil {
			t.Error(err)
		}
	}()
	for range 1000 {
		if err := CrashOutput(s.settings.Dir); err != nil {
			t.Fatal(err)
		}
		if there, err := filepath.Glob(filepath.Join(s.settings.Dir, "crash-*.txt")); err != nil || len(there) == 0 {
			t.Fatalf("%v %v", there, err)
		}
	}
}
