package traces

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"go.opentelemetry.io/otel/baggage"
	oteltrace "go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/signalbox-mesh/signalbox/internal/meshtest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/scheduler"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// arrival is what a handler finds in its context.
type arrival struct{ at, trace, tenant string }

// TestContextGoesEverywhere: in whichever form a caller tells of its trace, the trace and its baggage come to the handlers behind HTTP,
// HTTP between services, gRPC, a message, and an outbox row.
//
//	─HTTP─▶ catalogs ─HTTP─▶ identity ─gRPC─▶ billing ─bus, outbox─▶ notification
func TestContextGoesEverywhere(t *testing.T) {
	m := meshtest.New(t, []string{"billing"}, "catalogs", "identity", "billing", "notification")
	arrived := make(chan arrival, 100)
	note := func(ctx context.Context, at string) {
		sc := oteltrace.SpanContextFromContext(ctx)
		arrived <- arrival{at, sc.TraceID().String(), baggage.FromContext(ctx).Member("tenant").Value()}
	}
	small := func(name, schema string) *sidecar.Sidecar { return m.Small(name, name+"-1", schema) }
	first, second, billing, notification := small("catalogs", ""), small("identity", ""), small("billing", "billing"), small("notification", "")
	first.Mount("GET /take", access.Public(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note(r.Context(), "http")
		again, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://identity/take", http.NoBody)
		answer(w, first.Mesh().HTTP("identity"), again, err)
	}))
	second.Mount("GET /take", access.Public(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note(r.Context(), "http between services")
		conn, err := second.Mesh().RPC("billing")
		if err == nil {
			err = conn.Invoke(r.Context(), "/test.v1.Billing/Make", &emptypb.Empty{}, &emptypb.Empty{}, grpc.WaitForReady(true))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	}))
	publication := func(key string) bus.Publication {
		return bus.Publication{Exchange: bus.Events, Key: key, Event: bus.Event{Type: key}}
	}
	desc := &grpc.ServiceDesc{ServiceName: "test.v1.Billing", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{MethodName: "Make",
		Handler: func(_ any, ctx context.Context, dec func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			in := &emptypb.Empty{}
			if err := dec(in); err != nil {
				return nil, err
			}
			note(ctx, "gRPC")
			if err := billing.Bus().Publish(ctx, publication("billing.bill.said")); err != nil {
				return nil, err
			}
			return in, billing.DB().InTx(ctx, func(tx pg.Tx) error { return billing.Outbox().Add(ctx, tx, "", publication("billing.bill.kept")) })
		}}}}
	if err := billing.RPC().Register(desc, struct{}{}, map[string]rpc.Callers{"Make": {"identity"}}); err != nil {
		t.Fatal(err)
	}
	notification.Subscribe(bus.Subscription{Queue: "notification.bills", Exchange: bus.Events, Keys: []string{"billing.bill.*"},
		Handler: func(ctx context.Context, d bus.Delivery) error { note(ctx, d.Key); return nil }})
	for name, s := range map[string]meshtest.Runner{"catalogs": first, "identity": second, "billing": billing, "notification": notification} {
		m.Run(name, s)
	}
	take := func(header http.Header) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+first.PublicAddr()+"/take", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	wait.For(t, limit, "the mesh", func() bool { return take(http.Header{}) == http.StatusOK })
	for n, form := range []func(trace, span string) http.Header{
		func(trace, span string) http.Header {
			return http.Header{"Traceparent": {"00-" + trace + "-" + span + "-00"}}
		},
		func(trace, span string) http.Header {
			return http.Header{"Traceparent": {"00-" + trace + "-" + span + "-01"}}
		},
		func(trace, span string) http.Header { return http.Header{"B3": {trace + "-" + span + "-1"}} },
		func(trace, span string) http.Header {
			return http.Header{"X-B3-Traceid": {trace}, "X-B3-Spanid": {span}, "X-B3-Sampled": {"0"}}
		},
	} {
		trace, tenant := fmt.Sprintf("4bf92f3577b34da6a3ce929d0e0e%04x", n+1), fmt.Sprintf("blue-%d", n)
		header := form(trace, "00f067aa0ba902b7")
		header.Set("Baggage", "tenant="+tenant)
		if status := take(header); status != http.StatusOK {
			t.Fatalf("%v: %d", header, status)
		}
		want := map[string]bool{"http": true, "http between services": true, "gRPC": true, "billing.bill.said": true, "billing.bill.kept": true}
		for late := time.After(limit); len(want) > 0; {
			select {
			case a := <-arrived:
				if a.trace != trace {
					continue // of a request before
				}
				if a.tenant != tenant || !want[a.at] {
					t.Errorf("%v: %+v", header, a)
				}
				delete(want, a.at)
			case <-late:
				t.Fatalf("%v: it never came to %v", header, want)
			}
		}
	}
}

// TestContextGoesWithATimedEvent that somebody runs by hand: from the request, over the scheduler's outbox, to the handler.
func TestContextGoesWithATimedEvent(t *testing.T) {
	m := meshtest.New(t, []string{"scheduler", "billing"}, "scheduler", "billing")
	clock, err := scheduler.New(t.Context(), scheduler.Config{Config: m.Config("scheduler", "scheduler-1", "scheduler"), Retention: time.Hour}, m.Settings("scheduler"))
	if err != nil {
		t.Fatal(err)
	}
	billing := m.Small("billing", "billing-1", "billing")
	arrived := make(chan arrival, 10)
	if err := billing.Timed(timed.Schedule{Name: "billing.nightly", Cron: "0 3 29 2 *"}, func(ctx context.Context, _ pg.Tx, _ timed.Fire) error {
		arrived <- arrival{"timed", oteltrace.SpanContextFromContext(ctx).TraceID().String(), baggage.FromContext(ctx).Member("tenant").Value()}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	m.Run("scheduler", clock)
	m.Run("billing", billing)
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	run := func() int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+clock.PublicAddr()+"/api/scheduler/v1/schedules/billing.nightly/run", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Traceparent": {"00-" + trace + "-00f067aa0ba902b7-00"}, "Baggage": {"tenant=blue"}, "Authorization": {"Bearer admin"}}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	wait.For(t, limit, "the schedule to run", func() bool { return run()/100 == 2 })
	select {
	case a := <-arrived:
		if a.trace != trace || a.tenant != "blue" {
			t.Errorf("%+v", a)
		}
	case <-time.After(limit):
		t.Fatal("it never came")
	}
}

// answer passes on how a request went.
func answer(w http.ResponseWriter, by *http.Client, r *http.Request, err error) {
	if err == nil {
		var resp *http.Response
		if resp, err = by.Do(r); err == nil {
			_ = resp.Body.Close()
			w.WriteHeader(resp.StatusCode)
			return
		}
	}
	http.Error(w, err.Error(), http.StatusBadGateway)
}
