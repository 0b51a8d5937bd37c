package viewservice_test

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	otellog "go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
)

// exporters are OpenTelemetry's own, set up by nothing but the variables that its documentation names.
func exporters(t *testing.T, v *viewservice.Service, token string) map[string]sdklog.Exporter {
	t.Helper()
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer "+token)
	made := map[string]sdklog.Exporter{}
	for name, c := range map[string]struct {
		endpoint string
		new      func() (sdklog.Exporter, error)
	}{
		"grpc": {"http://" + v.PrivateAddr(), func() (sdklog.Exporter, error) { return otlploggrpc.New(t.Context()) }},
		"http": {"http://" + v.PublicAddr() + "/api/maintenance/v1/otlp/v1/logs", func() (sdklog.Exporter, error) { return otlploghttp.New(t.Context()) }},
		"http gzip": {"http://" + v.PublicAddr() + "/api/maintenance/v1/otlp/v1/logs", func() (sdklog.Exporter, error) {
			return otlploghttp.New(t.Context(), otlploghttp.WithCompression(otlploghttp.GzipCompression))
		}},
	} {
		t.Setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", c.endpoint)
		e, err := c.new()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Shutdown(context.Background()) })
		made[name] = e
	}
	return made
}

func emit(ctx context.Context, p *sdklog.LoggerProvider, way string, n int) {
	for i := range n {
		var r otellog.Record
		r.SetTimestamp(time.Now())
		r.SetSeverity(otellog.SeverityWarn2)
		r.SetBody(attribute.StringValue(fmt.Sprintf("sold %d", i)))
		r.AddAttributes(attribute.Int("n", i), attribute.String("way", way), attribute.Map("basket", attribute.Float64("sum", 9.5), attribute.Slice("items", attribute.StringValue("tea"))))
		p.Logger("shop.till").Emit(ctx, r)
	}
}

// The real exporters of OpenTelemetry's Go SDK, into PostgreSQL and out again.
func TestAnUnmodifiedSDKSends(t *testing.T) {
	v, _ := newMesh(t).view(t, "view-service-1")
	const n = 1200 // more than two of the SDK's batches
	trace1 := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1, 2, 3}, SpanID: trace.SpanID{4}, TraceFlags: trace.FlagsSampled})
	ctx := trace.ContextWithSpanContext(t.Context(), trace1)
	for way, e := range exporters(t, v, "sender:shop") {
		res := resource.NewSchemaless(attribute.String("service.name", "shop"), attribute.String("service.instance.id", way), attribute.String("service.version", "3.1"))
		p := sdklog.NewLoggerProvider(sdklog.WithResource(res), sdklog.WithProcessor(sdklog.NewBatchProcessor(e)))
		emit(ctx, p, way, n)
		if err := p.ForceFlush(t.Context()); err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		found := 0
		for cursor := ""; ; {
			var got page
			call(t, v, "viewer", "GET", "/api/maintenance/v1/logs?limit=1000&q="+url.QueryEscape(`service:shop instance:"`+way+`"`)+"&cursor="+cursor, "", &got)
			found += len(got.Records)
			if cursor = got.Next; cursor == "" {
				break
			}
		}
		if found != n {
			t.Errorf("%s: %d of %d", way, found, n)
		}
		got := ask(t, v, "viewer", `service:shop logger:shop.till level>=warn n=7 basket.sum=9.5 trace:`+trace1.TraceID().String()+` way="`+way+`"`)
		if len(got.Records) != 1 || got.Records[0].Msg != "sold 7" || got.Records[0].Level != "WARN+1" {
			t.Errorf("%s: %+v", way, got.Records)
		}
	}
}

// A token is for its names alone, and for nothing else than sending.
func TestATokenOfASenderIsForItsNamesAlone(t *testing.T) {
	v, _ := newMesh(t).view(t, "view-service-1")
	one := func(service string) []sdklog.Record {
		p := &kept{}
		provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(p), sdklog.WithResource(resource.NewSchemaless(attribute.String("service.name", service))))
		emit(t.Context(), provider, "x", 1)
		return p.records
	}
	for token, services := range map[string]map[string]bool{
		"sender:shop": {"shop": true, "catalogs": false, "unknown_service:main": true},
		"viewer":      {"shop": false},
		"admin":       {"shop": true},
	} {
		for way, e := range exporters(t, v, token) {
			for service, taken := range services {
				if err := e.Export(t.Context(), one(service)); (err == nil) != taken {
					t.Errorf("%s as %s with %s: %v", way, service, token, err)
				}
			}
		}
	}
	for _, path := range []string{"/logs", "/instances", "/leases", "/audit"} {
		if got := call(t, v, "sender:shop", "GET", "/api/maintenance/v1"+path, "", nil); got != 403 {
			t.Errorf("%s with a sender's token: %d", path, got)
		}
	}
	if p := ask(t, v, "viewer", "service:catalogs"); len(p.Records) != 0 {
		t.Errorf("forged: %+v", p.Records)
	}
}

// kept is a processor that keeps records.
type kept struct{ records []sdklog.Record }

func (k *kept) OnEmit(_ context.Context, r *sdklog.Record) error {
	k.records = append(k.records, r.Clone())
	return nil
}
func (*kept) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (*kept) Shutdown(context.Context) error                         { return nil }
func (*kept) ForceFlush(context.Context) error                       { return nil }

// What comes over the wire is looked at before it is decoded: a byte that is no text costs that byte, and what would
// swell in memory is refused.
func TestWhatNoGoProgramWouldSend(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	conn, err := m.as(t, "catalogs").RPC("view-service")
	if err != nil {
		t.Fatal(err)
	}
	send := func(raw []byte) error {
		in := &emptypb.Empty{}
		in.ProtoReflect().SetUnknown(raw)
		return conn.Invoke(t.Context(), collogspb.LogsService_Export_FullMethodName, in, &collogspb.ExportLogsServiceResponse{})
	}
	raw, err := proto.Marshal(batch("catalogs", 1, "before", "no text: X", "after"))
	if err != nil {
		t.Fatal(err)
	}
	if err := send(bytes.Replace(raw, []byte("text: X"), []byte("text: \xff"), 1)); err != nil {
		t.Fatal(err)
	}
	if p := ask(t, v, "viewer", "service:catalogs"); len(p.Records) != 3 || p.Records[1].Msg != "no text: \uFFFD" {
		t.Errorf("%+v", p.Records)
	}
	records := bytes.Repeat([]byte{2<<3 | 2, 0}, 7<<20)
	scope := protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), records)
	if err := send(protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), scope)); status.Code(err) != codes.InvalidArgument {
		t.Errorf("seven million empty records: %v", err)
	}
}
