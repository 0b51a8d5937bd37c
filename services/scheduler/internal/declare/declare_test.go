package declare_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/declare"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	schedulev1 "github.com/signalbox-mesh/signalbox/sidecar/contract/schedule/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

type store struct {
	service string
	wanted  []timed.Schedule
	err     error
}

func (s *store) Declare(_ context.Context, service string, wanted []timed.Schedule) (postgres.Declared, error) {
	s.service, s.wanted = service, wanted
	return postgres.Declared{Created: len(wanted)}, s.err
}

func server(s *store) *declare.Server {
	return declare.New(s, func(context.Context) string { return "billing" }, slog.New(slog.DiscardHandler))
}

func TestDeclareFillsDefaults(t *testing.T) {
	t.Parallel()
	s := &store{}
	answer, err := server(s).Declare(t.Context(), &schedulev1.DeclareRequest{Schedules: []*schedulev1.Schedule{
		{Name: "billing.a", Every: durationpb.New(time.Minute)}, timed.ToProto(timed.Schedule{Name: "billing.b", Cron: "@daily", TimeZone: "Asia/Tokyo"}.WithDefaults()),
	}})
	if err != nil || answer.GetCreated() != 2 || s.service != "billing" {
		t.Fatalf("%v, %v, %s", answer, err, s.service)
	}
	a, b := s.wanted[0], s.wanted[1]
	if a.TimeZone != "UTC" || a.Misfire != timed.MisfireOnce || a.Window != timed.DefaultWindow || a.Deadline != timed.DefaultDeadline || a.Every != time.Minute {
		t.Errorf("%+v", a)
	}
	if b.Cron != "@daily" || b.TimeZone != "Asia/Tokyo" || b.Every != 0 {
		t.Errorf("%+v", b)
	}
}

// One wrong schedule, and nothing is stored; the sentence says which and why.
func TestDeclareRefuses(t *testing.T) {
	t.Parallel()
	good := &schedulev1.Schedule{Name: "billing.a", Cron: "@daily"}
	for name, bad := range map[string]*schedulev1.Schedule{
		"another's":     {Name: "catalogs.a", Cron: "@daily"},
		"twice":         good,
		"no timing":     {Name: "billing.b"},
		"31 February":   {Name: "billing.b", Cron: "0 0 31 2 *"},
		"unknown zone":  {Name: "billing.b", Cron: "@daily", TimeZone: "Middle/Earth"},
		"negative":      {Name: "billing.b", Every: durationpb.New(-time.Second)},
		"large payload": {Name: "billing.b", Cron: "@daily", Payload: make([]byte, timed.MaxPayload+1)},
		"no JSON":       {Name: "billing.b", Cron: "@daily", Payload: []byte("{")},
		"nil":           nil,
	} {
		s := &store{}
		_, err := server(s).Declare(t.Context(), &schedulev1.DeclareRequest{Schedules: []*schedulev1.Schedule{good, bad}})
		if problem.CodeOf(err) != problem.Invalid || s.service != "" {
			t.Errorf("%s: %v, stored for %q", name, err, s.service)
		}
	}
}

func TestDeclareHidesTheStore(t *testing.T) {
	t.Parallel()
	s := &store{err: errors.New("secret host")}
	_, err := server(s).Declare(t.Context(), &schedulev1.DeclareRequest{})
	var p *problem.Error
	if !errors.As(err, &p) || p.Code != problem.Unavailable || p.Detail == "secret host" {
		t.Errorf("%v", err)
	}
}
