package foreign_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/go-logfmt/logfmt"

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

// BenchmarkPeer reads the same lines with what one would take otherwise: encoding/json into a map, and the decoder of
// logfmt's own library. Neither looks for times, levels or traces.
func BenchmarkPeer(b *testing.B) {
	for name, read := range map[string]func(line []byte){
		"json": func(line []byte) {
			var m map[string]any
			_ = json.Unmarshal(line, &m)
		},
		"logfmt": func(line []byte) {
			d := logfmt.NewDecoder(bytes.NewReader(line))
			for d.ScanRecord() {
				for d.ScanKeyval() {
					_, _ = d.Key(), d.Value()
				}
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			text, err := os.ReadFile("testdata/" + name + ".log")
			if err != nil {
				b.Fatal(err)
			}
			lines := bytes.Split(bytes.TrimRight(text, "\n"), []byte("\n"))
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				for _, line := range lines {
					read(line)
				}
			}
			b.ReportMetric(float64(len(lines)*b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
