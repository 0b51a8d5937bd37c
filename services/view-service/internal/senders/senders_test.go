package senders_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalbox-mesh/signalbox/services/view-service/internal/senders"
)

// The list goes on holding while identity is away, and says how old it is when that lasts.
func TestTheListOutlivesItsSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away := errors.New("identity is away")
		answer, err := []string(nil), away
		r := senders.New(func(context.Context) ([]string, error) { return answer, err })
		if got := r.Refresh(t.Context()); got != nil || r.Has("sender:a") {
			t.Errorf("at the start: %v", got)
		}
		<-time.After(3 * time.Minute)
		if got := r.Refresh(t.Context()); !errors.Is(got, away) || !strings.Contains(got.Error(), "not known for 3m0s") {
			t.Errorf("never pulled: %v", got)
		}
		answer, err = []string{"sender:a", "sender:b"}, nil
		if got := r.Refresh(t.Context()); got != nil || !r.Has("sender:a") || r.Has("sender:c") {
			t.Errorf("pulled: %v", got)
		}
		err = away
		<-time.After(time.Minute)
		if got := r.Refresh(t.Context()); got != nil || !r.Has("sender:b") {
			t.Errorf("a minute without identity: %v", got)
		}
		<-time.After(4 * time.Minute)
		if got := r.Refresh(t.Context()); !errors.Is(got, away) || !strings.Contains(got.Error(), "5m0s old") || !r.Has("sender:b") {
			t.Errorf("five minutes without identity: %v", got)
		}
		answer, err = nil, nil
		if got := r.Refresh(t.Context()); got != nil || r.Has("sender:b") {
			t.Errorf("what identity has forgotten: %v", got)
		}
	})
}
