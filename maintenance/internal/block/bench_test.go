package block

import (
	"log/slog"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/loglines"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// BenchmarkBuild makes full blocks; ns/record is what to look at.
func BenchmarkBuild(b *testing.B) {
	for name, source := range map[string]*loglines.Source{"random": loglines.Random(1), "template": loglines.Template(1)} {
		b.Run(name, func(b *testing.B) {
			var all []*record.Record
			for i := range Most {
				l := source.Next()
				all = append(all, &record.Record{TS: hour().Add(time.Duration(i) * time.Millisecond), Level: slog.Level(l.Level), Service: "catalogs", Instance: "catalogs-1",
					Logger: l.Logger, Msg: l.Msg, Attrs: l.Attrs, TraceID: l.TraceID, SpanID: l.SpanID, Epoch: "e", Class: "info", Seq: uint64(i + 1)})
			}
			for b.Loop() {
				Build(all)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/Most, "ns/record")
		})
	}
}
