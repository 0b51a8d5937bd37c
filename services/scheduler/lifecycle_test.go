package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-mesh/signalbox/internal/lifecycletest"
	"github.com/signalbox-mesh/signalbox/services/scheduler"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

func TestLifecycle(t *testing.T) {
	m := newMesh(t)
	var made atomic.Int32
	lifecycletest.Run(t, lifecycletest.Suite{
		New: func(t *testing.T, ctx context.Context) lifecycletest.Service {
			config := scheduler.Config{Config: m.config("scheduler", fmt.Sprintf("scheduler-%d", made.Add(1))), Retention: time.Hour}
			s, err := scheduler.New(ctx, config, m.Settings("scheduler"))
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		Failing: func(ctx context.Context) error {
			config := scheduler.Config{Config: m.config("scheduler", "scheduler-0"), Retention: time.Hour}
			_, err := scheduler.New(ctx, config, sidecar.Settings{Stderr: m.Log.Of("scheduler")})
			return err
		},
	})
}

func TestBadSettingsAreSaidInOneSentence(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	for want, spoil := range map[string]func(*scheduler.Config, *sidecar.Settings){
		"RETENTION": func(c *scheduler.Config, _ *sidecar.Settings) { c.Retention = time.Second },
		"AMQP_URL":  func(_ *scheduler.Config, s *sidecar.Settings) { s.Bus = nil },
	} {
		config, set := scheduler.Config{Config: m.config("scheduler", "scheduler-1"), Retention: time.Hour}, m.Settings("scheduler")
		spoil(&config, &set)
		_, err := scheduler.New(t.Context(), config, set)
		var bad *settings.Error
		if !errors.As(err, &bad) || !strings.HasSuffix(bad.Variable, want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestMetricsAreWellNamed(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	s, _ := m.scheduler(t, "scheduler-1")
	eventually(t, s.PublicAddr(), "/schedules", "the own schedule", func(l api.Schedules) bool { return len(l.Items) > 0 })
	problems, err := testutil.GatherAndLint(s.Registry())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "signalbox_scheduler") || strings.HasPrefix(p.Metric, "signalbox_timed") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}
