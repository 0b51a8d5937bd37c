package timed_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	schedulev1 "github.com/signalbox-mesh/signalbox/sidecar/contract/schedule/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// The declaration is repeated with the heartbeat; while the scheduler is away the tries come with growing pauses.
func TestDeclareRepeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		began := time.Now()
		r := timed.New(timed.Settings{Service: "billing", Bus: deaf{}, Declare: func(_ context.Context, d *schedulev1.DeclareRequest) error {
			at = append(at, time.Since(began))
			if len(d.GetSchedules()) != 1 || d.GetSchedules()[0].GetName() != "billing.a" {
				t.Errorf("declared %v", d)
			}
			if len(at) <= 4 {
				return errors.New("away")
			}
			return nil
		}})
		if err := r.Add(timed.Schedule{Name: "billing.a", Every: time.Minute}, func(context.Context, pg.Tx, timed.Fire) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if err := r.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-time.After(90 * time.Second)
		synctest.Wait()
		if err := r.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []time.Duration{0, 1, 3, 7, 15, 45, 75}
		for i := range want {
			want[i] *= time.Second
		}
		if !slices.Equal(at, want) {
			t.Errorf("declared at %v, want %v", at, want)
		}
	})
}

// deaf is a bus that delivers nothing.
type deaf struct{ bus.Bus }

func (deaf) Subscribe(context.Context, bus.Subscription) (func(context.Context) error, error) {
	return func(context.Context) error { return nil }, nil
}
