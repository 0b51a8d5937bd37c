package block

import (
	"maps"
	"slices"
	"syscall"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/loglines"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

func sources() map[string]*loglines.Source {
	return map[string]*loglines.Source{"random": loglines.Random(1), "template": loglines.Template(1)}
}

// BenchmarkBuild makes full blocks; ns/record is what to look at, and the bytes of each column a record.
func BenchmarkBuild(b *testing.B) {
	for name, source := range sources() {
		b.Run(name, func(b *testing.B) {
			var e Builder
			all := lines(source, Most)
			block, filter := e.Build(all)
			before := used()
			for b.Loop() {
				block, filter = e.Build(all)
			}
			perRecord(b, before)
			sizes := block.Coded.sizes()
			sizes["filter"] = len(filter)
			total := 0
			for _, column := range slices.Sorted(maps.Keys(sizes)) {
				total += sizes[column]
				b.Logf("METRIC block_%s_%s_bytes=%.2f", name, column, float64(sizes[column])/Most)
			}
			b.Logf("METRIC block_%s_bytes=%.2f", name, float64(total)/Most)
		})
	}
}

// BenchmarkJoin makes one block of sixteen.
func BenchmarkJoin(b *testing.B) {
	for name, source := range sources() {
		b.Run(name, func(b *testing.B) {
			var e Builder
			var parts []*Block
			for range 16 {
				part, _ := e.Build(lines(source, Most/16))
				parts = append(parts, part)
			}
			before := used()
			for b.Loop() {
				for _, p := range parts {
					p.index = index{} // as it is read
				}
				e.Join(parts)
			}
			perRecord(b, before)
		})
	}
}

// BenchmarkMatch asks a full block that was just read; µs/block is what to look at.
func BenchmarkMatch(b *testing.B) {
	for name, source := range sources() {
		block, _ := Build(lines(source, Most))
		word := block.Msg(17)[:12]
		for _, q := range []struct{ name, text string }{
			{"equal", "user_id:4242"}, {"equal-text", "method:PUT"}, {"more", "duration_ms>999"}, {"word", "nowhere"}, {"phrase", quoted(word)},
			{"hex", "4bf92f3577b3"}, {"short-hex", "beef"}, {"substring", "zzq"}, {"regex", "/timeout [0-9]+ms/"}, {"trace", "trace:4bf92f3577b34da6a3ce929d0e0e4736"}, {"level", "level>=error"},
		} {
			b.Run(name+"/"+q.name, func(b *testing.B) {
				e, err := query.Parse(q.text)
				if err != nil {
					b.Fatal(err)
				}
				m, full, before := Compile(e, nil), Full(block.Records), used()
				for b.Loop() {
					m.Match(block.Apart(&block.Head), full)
				}
				perBlock(b, before)
			})
		}
	}
}

// BenchmarkDecode makes records of a full block that was just read: all of them, and a hundred.
func BenchmarkDecode(b *testing.B) {
	for name, source := range sources() {
		block, _ := Build(lines(source, Most))
		b.Run(name+"/all", func(b *testing.B) {
			before := used()
			for b.Loop() {
				one := block.Apart(&block.Head)
				one.Msgs()
				one.AttrTexts()
			}
			perRecord(b, before)
		})
		b.Run(name+"/hundred", func(b *testing.B) {
			before := used()
			for b.Loop() {
				one := block.Apart(&block.Head)
				for i := 0; i < Most; i += Most / 100 {
					one.Record(i)
				}
			}
			perBlock(b, before)
		})
	}
}

func used() (now syscall.Rusage) {
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &now)
	return now
}

// perRecord gives the time a record, and the time of the processor, which others who are busy here take nothing of.
func perRecord(b *testing.B, before syscall.Rusage) {
	b.ReportMetric(spent(before)/float64(b.N)/Most, "cpu-ns/record")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/Most, "ns/record")
}

func perBlock(b *testing.B, before syscall.Rusage) {
	b.ReportMetric(spent(before)/1000/float64(b.N), "cpu-µs/block")
}

// spent is the processor's time, in nanoseconds.
func spent(before syscall.Rusage) float64 {
	after := used()
	return float64(after.Utime.Nano() - before.Utime.Nano() + after.Stime.Nano() - before.Stime.Nano())
}
