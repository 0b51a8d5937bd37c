package leader

import (
	"context"
	"testing"
	"time"
)

// Waits so short that they are over while gocron takes them: with its one-time jobs its loop then never ends, and the
// planner is silent for ever.
func TestAlarmTakesWaitsThatAreOverAlready(t *testing.T) {
	t.Parallel()
	a, err := newAlarm(newMetrics(nil))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		for i := range 3000 {
			if err := a.wait(context.Background(), time.Duration(i%300)*200*time.Nanosecond, nil); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
		a.stop()
	case <-time.After(60 * time.Second):
		t.Fatal("the alarm hangs")
	}
}

// A planner that is woken before its time leaves no wake-up behind, which would come for nothing.
func TestAlarmLeavesNoWakeUpBehind(t *testing.T) {
	t.Parallel()
	a, err := newAlarm(newMetrics(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer a.stop()
	woken := make(chan error, 1)
	for range 200 {
		woken <- nil
		if err := a.wait(t.Context(), time.Hour, woken); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(a.cron.Jobs()); n != 0 {
		t.Errorf("%d wake-ups are left", n)
	}
}
