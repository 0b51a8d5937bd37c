package scheduler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

func aReceipt(n int) bus.Delivery {
	return bus.Delivery{Key: "billing.fire.completed", Event: bus.Event{ID: strconv.Itoa(n), Source: "/billing", Data: []byte(`{}`)}}
}

// What comes while a transaction is under way shares the next ones; a receipt alone waits for nobody.
func TestReceiptsThatComeTogetherAreSettledTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		release := make(chan struct{})
		g := &gatherer{do: func(_ context.Context, all []*receipt) error {
			sizes = append(sizes, len(all))
			<-release
			return nil
		}}
		ended := make(chan error, 700)
		for i := range 700 {
			go func() { ended <- g.handle(t.Context(), aReceipt(i)) }()
			synctest.Wait()
		}
		close(release)
		for range 700 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if !slices.Equal(sizes, []int{1, maxTogether, 199}) {
			t.Errorf("transactions of %v receipts", sizes)
		}
		if err := g.handle(t.Context(), aReceipt(0)); err != nil || len(sizes) != 4 {
			t.Errorf("one alone: %v after %v", err, sizes)
		}
	})
}

// Whoever settles for others does it once, however many come: its own delivery is to be acknowledged.
func TestNobodySettlesForOthersForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		step := make(chan struct{})
		g := &gatherer{do: func(context.Context, []*receipt) error { <-step; return nil }}
		ended := make(chan int, 10)
		for i := range 3 { // each comes while the transaction of the one before is under way
			go func() {
				if err := g.handle(t.Context(), aReceipt(i)); err != nil {
					t.Error(err)
				}
				ended <- i
			}()
			synctest.Wait()
			if i > 0 {
				step <- struct{}{}
				synctest.Wait()
				select {
				case first := <-ended:
					if first != i-1 {
						t.Errorf("%d ended after the transaction of %d", first, i-1)
					}
				default:
					t.Fatalf("%d does more than its own transaction", i-1)
				}
			}
		}
		step <- struct{}{}
	})
}

// A receipt that cannot be settled, or that panics, fails alone, and those that come later are settled.
func TestOneReceiptsErrorIsItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bad, release := errors.New("bad"), make(chan struct{})
		g := &gatherer{do: func(_ context.Context, all []*receipt) error {
			<-release
			for _, r := range all {
				switch r.ID {
				case "3":
					return bad
				case "4":
					panic("worse")
				}
			}
			return nil
		}}
		ended := make([]chan error, 7)
		for i := range ended {
			ended[i] = make(chan error, 1)
			go func() { ended[i] <- g.handle(t.Context(), aReceipt(i)) }()
			synctest.Wait()
		}
		close(release)
		for i, e := range ended {
			if err := <-e; (err != nil) != (i == 3 || i == 4) {
				t.Errorf("receipt %d: %v", i, err)
			}
		}
		if err := g.handle(t.Context(), aReceipt(8)); err != nil {
			t.Error(err)
		}
		if err := g.handle(t.Context(), bus.Delivery{Event: bus.Event{ID: "x", Data: []byte(`[`)}}); !bus.IsPark(err) {
			t.Error(fmt.Errorf("no receipt: %w", err))
		}
	})
}
