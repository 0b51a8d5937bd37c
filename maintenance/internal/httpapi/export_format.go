package httpapi

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
)

// exporter writes records in one format, and at the end whether they are all.
type exporter interface {
	record(r logs.Stored) error
	end(e exportEnd) error
}

// exportEnd is the last word of an export: without it, it is cut off.
type exportEnd struct {
	Records  int64  `json:"records"`
	Complete bool   `json:"complete"`
	Cause    string `json:"cause,omitempty"` // why it is not complete
	Gaps     []Gap  `json:"gaps"`            // what is missing from the log in that time
}

// ndjson is one JSON object a line; the last one is {"end":…}.
type ndjson struct{ enc *json.Encoder }

func newNDJSON(w io.Writer) ndjson {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return ndjson{enc}
}

func (n ndjson) record(r logs.Stored) error { return n.enc.Encode(show(r)) }

func (n ndjson) end(e exportEnd) error { return n.enc.Encode(map[string]exportEnd{"end": e}) }

// csvHeader names the cells of each row.
func csvHeader() []string {
	return []string{"id", "ts", "level", "service", "instance", "logger", "msg", "attrs", "trace_id", "span_id", "epoch", "class", "seq",
		"version", "environment", "cluster", "namespace", "node"}
}

// csvRows is RFC 4180 with a header, but that a line ends as on Unix: with CRLF, a CR within a cell would be lost. The
// last lines begin with # and are no rows. A cell that a spreadsheet would take for a formula has a ' before it.
type csvRows struct {
	w   io.Writer
	csv *csv.Writer
}

func newCSV(w io.Writer) (*csvRows, error) {
	c := &csvRows{w, csv.NewWriter(w)}
	return c, c.csv.Write(csvHeader())
}

func (c *csvRows) record(r logs.Stored) error {
	seq := ""
	if r.Seq > 0 {
		seq = strconv.FormatUint(r.Seq, 10)
	}
	row := []string{recordID(r.Key), r.Key.TS.Format(time.RFC3339Nano), r.Level.String(), r.Service, r.Instance, r.Logger, r.Msg, string(r.Attrs),
		r.TraceID, r.SpanID, r.Epoch, r.Class, seq, r.Version, r.Environment, r.Cluster, r.Namespace, r.Node}
	for i := range row {
		row[i] = harmless(row[i])
	}
	return c.csv.Write(row)
}

// harmless keeps a cell from being reckoned with (OWASP, CSV injection).
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(cell)[0]) {
		return "'" + cell
	}
	return cell
}

func (c *csvRows) end(e exportEnd) error {
	c.csv.Flush()
	if err := c.csv.Error(); err != nil {
		return err
	}
	for _, g := range e.Gaps {
		raw, err := json.Marshal(g)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(c.w, "# gap: %s\n", raw); err != nil {
			return err
		}
	}
	if !e.Complete {
		_, err := fmt.Fprintf(c.w, "# end: broken off after %d records: %s\n", e.Records, e.Cause)
		return err
	}
	_, err := fmt.Fprintf(c.w, "# end: %d records\n", e.Records)
	return err
}
