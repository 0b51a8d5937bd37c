package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// hostile makes records whose columns are as different as can be: it goes for what a coding could lose.
type hostile struct{ *rand.Rand }

func (h hostile) of(all ...string) string { return all[h.IntN(len(all))] }

func (h hostile) hex(n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte("0123456789abcdef"[h.IntN(16)])
	}
	return b.String()
}

func (h hostile) msg() string {
	switch h.IntN(12) {
	case 0:
		return h.of("", " ", "\n", "  two  blanks  ", "ends with a blank ", "...", "a", "\t\r\n\x01\x1f", "\x1a0\x1a", `\`, "␞")
	case 1:
		return h.of("Ünïcödé ΣΑΣ", "İstanbul K", "日本語のログ", "a\u2028b", "🙂🙂", "e\u0301")
	case 2:
		return strings.Repeat(h.of("x", "word ", "ä", ", ", "\x1a"), h.IntN(2000))
	case 3:
		return "the same message whenever it comes, number " + strconv.Itoa(h.IntN(3))
	default:
		var b strings.Builder
		for range h.IntN(12) {
			b.WriteString(h.of("GET", "took", "42ms", "user_id", "größe", strconv.Itoa(h.IntN(1000)), h.hex(8)) + h.of(" ", " ", "=", ": ", "", "/", "\n", `"`))
		}
		return b.String()
	}
}

func (h hostile) number() string {
	return h.of("0", "-0", "0.0", "-0.5", "1.50", "1e5", "1E-7", "-1", "9223372036854775807", "-9223372036854775808", "123456789012345678901234567890", "0.000000001", "0.0000000001",
		"1.0", "100", "0.1", "12.345", strconv.Itoa(h.IntN(1000)), strconv.Itoa(-h.IntN(1000)), fmt.Sprintf("%d.%d", h.IntN(10), 1+h.IntN(9)))
}

func (h hostile) text() string {
	return h.of(`""`, `" "`, `"\n"`, `"\u001a"`, `"\u001e"`, `"\"quoted\" \\ / \/"`, `"ü\u00fc"`, `"🙂"`, `"\ud83d\ude42"`, `"GET"`, `"null"`, `"1"`, `"{}"`, strconv.Quote(h.of("a", "b", "c")))
}

func (h hostile) value(depth int) string {
	switch h.IntN(12) {
	case 0, 1, 2:
		return h.number()
	case 3, 4, 5:
		return h.text()
	case 6:
		return `"` + h.hex([]int{1, 2, 7, 8, 16, 31, 32, 64, 65}[h.IntN(9)]) + `"`
	case 7:
		return fmt.Sprintf(`"%s-%s-%s-%s-%s"`, h.hex(8), h.hex(4), h.hex(4), h.hex(4), h.hex(12))
	case 8:
		return h.of("true", "false", "null", "[]", "{}", `[1,"a",{"b":[null]}]`, `[{"a":1},{"a":2}]`, `[ 1, 2 ]`)
	case 9:
		return strings.ToUpper(`"` + h.hex(16) + `"`)
	default:
		if depth > 3 {
			return "0"
		}
		return h.object(depth + 1)
	}
}

// object of keys that have a type of their own, mostly, so that columns are coded in each way; and of any.
func (h hostile) object(depth int) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range h.IntN(7) {
		if i > 0 {
			b.WriteString(h.of(",", ",", ",", " , "))
		}
		switch h.IntN(8) {
		case 0:
			b.WriteString(`"n":` + strconv.Itoa(h.IntN(100000)-500))
		case 1:
			b.WriteString(`"f":` + fmt.Sprint(float64(h.IntN(1000000))/1000))
		case 2:
			b.WriteString(`"odd":"` + h.hex(7) + `"`)
		case 3:
			b.WriteString(`"even":"` + h.hex(32) + `"`)
		case 4:
			b.WriteString(fmt.Sprintf(`"uuid":"%s-%s-%s-%s-%s"`, h.hex(8), h.hex(4), h.hex(4), h.hex(4), h.hex(12)))
		case 5:
			b.WriteString(`"method":"` + h.of("GET", "PUT", "POST") + `"`)
		default:
			b.WriteString(h.of(`"a"`, `"b"`, `"a.b"`, `""`, `"\u001a"`, `"ä"`, `"\"k\""`, `"`+h.hex(2)+`"`) + h.of(":", ":", " : ") + h.value(depth))
		}
	}
	b.WriteByte('}')
	return b.String()
}

func (h hostile) record(seq uint64, at time.Time) record.Record {
	r := record.Record{TS: at.Add(time.Duration(h.IntN(3_600_000_000)) * time.Microsecond), Level: slog.Level(h.IntN(4)), Service: "catalogs", Instance: h.of("a", "b", `"`),
		Logger: h.of("", "catalogs.store", "catalogs.http", "ä", h.hex(3)), Msg: h.msg(), Attrs: []byte(h.object(0)), Epoch: "e", Class: "info", Seq: seq,
		Version: h.of("", "1.2"), Environment: h.of("", "prod"), Cluster: h.of("", "c"), Namespace: h.of("", "ns"), Node: h.of("", "node-1")}
	if h.IntN(2) == 0 {
		r.TraceID = h.of(h.hex(32), strings.Repeat("4b", 16))
	}
	if h.IntN(3) == 0 {
		r.SpanID = h.hex(15) + "1"
	}
	if h.IntN(10) == 0 {
		r.Epoch, r.Class, r.Seq = "", "", 0
	}
	return r
}

// row is a row of the view.
type row struct {
	key  string // what a record is but its attributes, and where it lies
	json string // as jsonb writes it
}

// plainRows reads the log by plain SQL.
func plainRows(t *testing.T, s *Store, from string) map[int64]row {
	t.Helper()
	all := map[int64]row{}
	found, err := s.db.Pool().Query(t.Context(), `SELECT id, tx, ts, level, service, instance, logger, msg, attrs::text, coalesce(trace_id, ''), coalesce(span_id, ''), coalesce(epoch, ''),
		coalesce(class, ''), coalesce(seq, 0), coalesce(version, ''), coalesce(environment, ''), coalesce(cluster, ''), coalesce(namespace, ''), coalesce(node, ''), hour FROM `+from)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	for found.Next() {
		var r record.Record
		var id, tx, seq int64
		var level int16
		var attrs string
		var hour time.Time
		if err := found.Scan(&id, &tx, &r.TS, &level, &r.Service, &r.Instance, &r.Logger, &r.Msg, &attrs, &r.TraceID, &r.SpanID, &r.Epoch, &r.Class, &seq,
			&r.Version, &r.Environment, &r.Cluster, &r.Namespace, &r.Node, &hour); err != nil {
			t.Fatal(err)
		}
		r.Level, r.Seq = slog.Level(level), uint64(seq)
		all[id] = row{keyOf(r, tx, hour), attrs}
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func keyOf(r record.Record, tx int64, hour time.Time) string {
	r.Attrs, r.TS = nil, r.TS.UTC()
	return fmt.Sprintf("%d %v %q", tx, hour.UTC(), fmt.Sprintf("%+v", r))
}

// records reads the log as Go does, with the attributes as jsonb writes them, and holds the attributes that SQL gives, byte for
// byte, against those that Go gives.
func records(t *testing.T, s *Store) (all map[int64]row, sent map[uint64]record.Record) {
	t.Helper()
	all, sent = map[int64]row{}, map[uint64]record.Record{}
	for _, b := range blocks(t, s) {
		var attrs, jsons []string
		err := s.db.Pool().QueryRow(t.Context(), `SELECT log_attrs(shapes, shape, records, field_kinds, field_values, field_bases, field_scales, field_widths, field_codes)
			FROM log_blocks WHERE id = $1`, b.ID).Scan(&attrs)
		if err != nil || len(attrs) < b.Records {
			t.Fatal(len(attrs), err)
		}
		if err := s.db.Pool().QueryRow(t.Context(), `SELECT array_agg(one::jsonb::text ORDER BY n) FROM unnest($1::text[]) WITH ORDINALITY AS q (one, n)`, attrs[:b.Records]).Scan(&jsons); err != nil {
			t.Fatal(err)
		}
		for i := range b.Records {
			r := b.Record(i)
			if string(r.Attrs) != attrs[i] {
				t.Fatalf("attributes by Go %s\nby SQL %s", r.Attrs, attrs[i])
			}
			p, _ := b.PartOf(i)
			all[b.RecordID(i)] = row{keyOf(r, int64(p.Tx), b.Hour), jsons[i]}
			sent[r.Seq] = r
		}
	}
	return all, sent
}

func compact(t *testing.T, object []byte) string {
	t.Helper()
	var line bytes.Buffer
	if err := json.Compact(&line, object); err != nil {
		t.Fatal(err)
	}
	return line.String()
}

// Whatever comes, plain SQL gives for every column what Go gives, and both what was sent, before and after blocks are joined.
func TestTheViewGivesWhatRecordGives(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	h := hostile{seed.New(t)}
	hour := time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)
	want, seq := map[uint64]record.Record{}, uint64(0)
	for _, n := range []int{1, 2, 3, 5, 40, 300, 1000, 2300, 700} {
		var all []record.Record
		for range n {
			seq++
			r := h.record(seq, hour)
			all, want[r.Seq] = append(all, r), r
		}
		write(t, s, all)
	}
	for _, when := range []string{"before", "after"} {
		got, sent := records(t, s)
		if len(got) != int(seq) {
			t.Fatalf("%s: %d records, want %d", when, len(got), seq)
		}
		for n, r := range sent {
			if w := want[n]; n > 0 && (compact(t, w.Attrs) != compact(t, r.Attrs) || w.Msg != r.Msg || w.Logger != r.Logger ||
				w.TraceID != r.TraceID || w.SpanID != r.SpanID || !w.TS.Equal(r.TS) || w.Level != r.Level) {
				t.Fatalf("%s: %+v %s\nwas sent as %+v %s", when, r, r.Attrs, w, w.Attrs)
			}
		}
		for _, from := range []string{"logs", "logs_between('-infinity', 'infinity')", "logs ORDER BY msg, attrs ->> 'a'"} {
			for id, one := range plainRows(t, s, from) {
				if got[id] != one {
					t.Fatalf("%s joining, %s has\n%s %s\nGo has\n%s %s", when, from, one.key, one.json, got[id].key, got[id].json)
				}
			}
		}
		for at := (shelf{"catalogs", hour.Unix(), block.Info}); when == "before"; {
			if n, err := s.join(context.Background(), at, true); err != nil {
				t.Fatal(err)
			} else if n == 0 {
				break
			}
		}
	}
	if got := count(t, s, `SELECT count(*) FROM log_blocks_fresh`); got != 0 {
		t.Errorf("%d blocks were not joined", got)
	}
}

// What is not asked for is not taken apart: nobody who counts pays for texts.
func TestTheViewDecodesWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	all := []string{"log_msgs", "log_attrs", "b.loggers", "b.trace,", "b.ts,", "b.level,"}
	for sql, want := range map[string][]string{
		`SELECT count(*) FROM logs`:                                                   nil,
		`SELECT count(*) FROM logs WHERE service = 'x' AND hour > now()`:              nil,
		`SELECT max(ts) FROM logs`:                                                    {"b.ts,"},
		`SELECT count(*) FROM logs WHERE msg ILIKE '%x%'`:                             {"log_msgs"},
		`SELECT count(*) FROM logs WHERE attrs ->> 'a' = 'x'`:                         {"log_attrs"},
		`SELECT ts, level, logger FROM logs_between(now() - interval '1 day', now())`: {"b.loggers", "b.ts,", "b.level,"},
		`SELECT level, max(msg) FROM logs WHERE trace_id = 'x' GROUP BY level`:        {"log_msgs", "b.trace,", "b.level,"},
	} {
		rows, err := s.db.Pool().Query(t.Context(), `EXPLAIN (VERBOSE, COSTS OFF) `+sql)
		if err != nil {
			t.Fatal(err)
		}
		taken, line := "", ""
		for rows.Next() {
			_ = rows.Scan(&line)
			if strings.Contains(line, "Output: ") && (strings.Contains(line, "log_codes(") || strings.Contains(line, "log_msgs(") || strings.Contains(line, "log_attrs(") || strings.Contains(line, "log_list(")) {
				taken += line + "\n"
			}
		}
		for _, one := range all {
			if strings.Contains(taken, one) != slices.Contains(want, one) {
				t.Errorf("%s takes apart\n%s, want %v", sql, taken, want)
			}
		}
	}
}
