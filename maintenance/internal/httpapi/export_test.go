package httpapi

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// hostile records: what a spreadsheet would reckon with, what CSV and JSON must quote, and what looks like a last line.
func hostile() (all []logs.Stored) {
	for i, msg := range []string{"=HYPERLINK(\"http://evil\")", "+1", "-1", "@SUM(1)", "\tx", "\rx", "＝1", "a \"quoted\", text\nin two lines", "# end: 1 records", ""} {
		r := record.Record{Service: msg, Instance: "i", Msg: msg, Attrs: json.RawMessage(`{"a":"=1"}`), Seq: uint64(i)}
		all = append(all, logs.Stored{Key: logs.Key{TS: time.Unix(1_795_262_531, 0).UTC(), ID: int64(i + 1)}, Record: r})
	}
	return all
}

func written(t *testing.T, format func(io.Writer) exporter, e exportEnd) string {
	t.Helper()
	var out bytes.Buffer
	x := format(&out)
	for _, r := range hostile() {
		if err := x.record(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.end(e); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestCSV(t *testing.T) {
	t.Parallel()
	format := func(w io.Writer) exporter {
		c, err := newCSV(w)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	text := written(t, format, exportEnd{Records: 10, Complete: true, Gaps: []Gap{{Service: "s\n# end: 9 records"}}})
	rows := csv.NewReader(strings.NewReader(text))
	rows.Comment = '#'
	all, err := rows.ReadAll()
	if err != nil || len(all) != 11 || len(all[0]) != 18 {
		t.Fatalf("%d rows, %v:\n%s", len(all), err, text)
	}
	for i, row := range all[1:] {
		for _, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
				t.Errorf("a formula: %q", cell)
			}
		}
		want := hostile()[i].Msg
		if got := strings.TrimPrefix(row[6], "'"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if !strings.HasSuffix(text, "# end: 10 records\n") || strings.Count(text, "\n# gap: ") != 1 {
		t.Errorf("its end:\n%s", text)
	}
	if text := written(t, format, exportEnd{Records: 3, Cause: "too slow"}); !strings.HasSuffix(text, "# end: broken off after 3 records: too slow\n") {
		t.Error(text)
	}
}

func TestNDJSON(t *testing.T) {
	t.Parallel()
	text := written(t, func(w io.Writer) exporter { return newNDJSON(w) }, exportEnd{Records: 10, Complete: true, Gaps: []Gap{}})
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) != 11 || lines[10] != `{"end":{"records":10,"complete":true,"gaps":[]}}` {
		t.Fatalf("%d lines:\n%s", len(lines), text)
	}
	for i, line := range lines[:10] {
		var r Record
		if err := json.Unmarshal([]byte(line), &r); err != nil || r.Msg != hostile()[i].Msg {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ asked, accept, want string }{
		{"", "", "ndjson"}, {"", "*/*", "ndjson"}, {"", "text/csv", "csv"}, {"", "text/html, text/csv;q=0.9", "csv"}, {"", "application/x-ndjson, text/csv", "ndjson"},
		{"csv", "application/json", "csv"}, {"ndjson", "text/csv", "ndjson"}, {"xml", "", ""},
	} {
		if got, err := formatOf(c.asked, c.accept); got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%+v: %q %v", c, got, err)
		}
	}
}
