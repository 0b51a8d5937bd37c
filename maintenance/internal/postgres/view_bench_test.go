package postgres

import (
	"slices"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/loglines"
	"github.com/signalbox-mesh/signalbox/internal/pgtest"
)

// viewings of each question.
const viewings = 5

// BenchmarkView measures what plain SQL takes to read the log, as psql and Grafana do: µs of PostgreSQL's CPU a record.
func BenchmarkView(b *testing.B) {
	for name, of := range map[string]func(uint64) *loglines.Source{"random": loglines.Random, "template": loglines.Template} {
		b.Run(name, func(b *testing.B) {
			server := pgtest.Server(b)
			db := pgtest.On(b, server, "maintenance")
			s, d := opened(b, db)
			records := 0
			for _, batch := range prepared(of(1)) {
				if _, err := s.Write(b.Context(), slices.Clone(batch)); err != nil {
					b.Fatal(err)
				}
				records += len(batch)
			}
			conn, err := d.Pool().Acquire(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Release()
			if _, err := conn.Exec(b.Context(), `SET statement_timeout = 0`); err != nil {
				b.Fatal(err)
			}
			for _, sql := range []string{`SELECT count(*) FROM logs`, `SELECT count(*) FROM logs WHERE msg ILIKE '%abc%'`, `SELECT count(*) FROM logs WHERE attrs ->> 'user_id' = '42'`,
				`SELECT * FROM logs ORDER BY ts DESC LIMIT 100`, `SELECT max(trace_id) FROM logs`} {
				before := serverCPU(b, server.PID())
				for range viewings {
					if _, err := conn.Exec(b.Context(), sql); err != nil {
						b.Fatal(err)
					}
				}
				cpu := serverCPU(b, server.PID()) - before
				b.Logf("METRIC view_%s_us_per_record=%.2f limit=0 (nothing to keep to): %s", name, float64(cpu.Microseconds())/float64(viewings*records), sql)
			}
		})
	}
}
