package foreign_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/foreign"
)

// BenchmarkStream: the lines of each real log, over and over. The limit is what the spool takes (docs/performance.md).
func BenchmarkStream(b *testing.B) {
	for _, name := range []string{"json", "logfmt", "klog", "syslog", "access", "errorlogs", "postgresql", "rabbitmq", "plain", "dpkg", "java", "go", "python"} {
		b.Run(name, func(b *testing.B) {
			text, err := os.ReadFile("testdata/" + name + ".log")
			if err != nil {
				b.Fatal(err)
			}
			text = append(bytes.TrimRight(text, "\n"), '\n')
			n := 0
			st := foreign.NewStream(settings(), func(foreign.Record) { n++ })
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				_, _ = st.Write(text)
			}
			b.ReportMetric(float64(bytes.Count(text, []byte("\n"))*b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
