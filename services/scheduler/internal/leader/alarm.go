package leader

import (
	"context"
	"fmt"
	"time"

	"github.com/go-co-op/gocron/v2"
)

// alarm is the planner's timer: gocron with one job, the next wake-up. It is given wake-ups and no schedules,
// as each of its jobs costs some 30 µs to start, and thousands are due at once.
//
// A wake-up is a duration job that is limited to one run, not a one-time job: when the time of a one-time job
// passes while gocron (2.21.2) takes it, which a busy machine or a stopped process makes happen, gocron's loop looks
// for a later time for ever.
type alarm struct {
	cron gocron.Scheduler
	ring chan struct{}
}

func newAlarm(monitor gocron.Monitor) (*alarm, error) {
	cron, err := gocron.NewScheduler(gocron.WithMonitor(monitor), gocron.WithLocation(time.UTC), gocron.WithStopTimeout(time.Second))
	if err != nil {
		return nil, fmt.Errorf("make the timer: %w", err)
	}
	cron.Start()
	return &alarm{cron: cron, ring: make(chan struct{}, 1)}, nil
}

// Bounds of a wake-up: gocron steps over times that have passed one by one, so they must not be tiny; and
// one that does not come must not silence the leader.
const (
	shortest = time.Millisecond
	overdue  = 500 * time.Millisecond
)

// wait returns after d, or earlier with what woken says, or with an error when ctx ends first.
func (a *alarm) wait(ctx context.Context, d time.Duration, woken <-chan error) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	d = max(d, shortest)
	job, err := a.cron.NewJob(gocron.DurationJob(d), gocron.NewTask(a.wake), gocron.WithLimitedRuns(1), gocron.WithName("planner"))
	if err != nil {
		return fmt.Errorf("set the timer: %w", err)
	}
	lost := time.NewTimer(d + overdue)
	defer lost.Stop()
	select {
	case <-a.ring:
		return nil
	case err = <-woken:
	case <-lost.C:
	case <-ctx.Done():
		err = errStopped
	}
	a.cancel(job)
	return err
}

// cancel a wake-up that is not waited for any more: of a planner that is woken a thousand times a second a thousand would
// be left, and wake it once more each.
func (a *alarm) cancel(job gocron.Job) {
	_ = a.cron.RemoveJob(job.ID()) // it may have come by now
	select {
	case <-a.ring:
	default:
	}
}

func (a *alarm) wake() {
	select {
	case a.ring <- struct{}{}:
	default:
	}
}

func (a *alarm) stop() { _ = a.cron.Shutdown() }
