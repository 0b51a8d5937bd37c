package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// record is one line of the store.
type record struct {
	ID          string          `json:"id"`
	TS          time.Time       `json:"ts"`
	Level       string          `json:"level"`
	Service     string          `json:"service"`
	Instance    string          `json:"instance"`
	Logger      string          `json:"logger"`
	Msg         string          `json:"msg"`
	Attrs       json.RawMessage `json:"attrs,omitempty"`
	TraceID     string          `json:"trace_id,omitempty"`
	SpanID      string          `json:"span_id,omitempty"`
	Epoch       string          `json:"epoch,omitempty"`
	Class       string          `json:"class,omitempty"`
	Seq         uint64          `json:"seq,omitempty"`
	Version     string          `json:"version,omitempty"`
	Environment string          `json:"environment,omitempty"`
	Cluster     string          `json:"cluster,omitempty"`
	Namespace   string          `json:"namespace,omitempty"`
	Node        string          `json:"node,omitempty"`
	Links       *recordLinks    `json:"links,omitempty"`
}

// recordLinks lead to what shows more.
type recordLinks struct {
	Trace string `json:"trace"`
}

// field is the text of a column that is no time, no level, no message and no list of attributes; a name that is no
// column is an attribute's path.
func (r *record) field(name string) string {
	switch name {
	case "id":
		return r.ID
	case "service":
		return r.Service
	case "instance":
		return r.Instance
	case "logger":
		return r.Logger
	case "trace", "trace_id":
		return r.TraceID
	case "span", "span_id":
		return r.SpanID
	case "epoch":
		return r.Epoch
	case "class":
		return r.Class
	case "seq":
		return strconv.FormatUint(r.Seq, 10)
	case "version":
		return r.Version
	case "environment", "env":
		return r.Environment
	case "cluster":
		return r.Cluster
	case "namespace":
		return r.Namespace
	case "node":
		return r.Node
	}
	if name == "link" && r.Links != nil {
		return r.Links.Trace
	}
	path := strings.TrimPrefix(name, "attr.")
	for _, a := range attributes(r.Attrs) {
		if a.path == path {
			return a.text
		}
	}
	return "-"
}

// ofRecord: the name is a column of every record, so that an attribute of that name is asked for by attr.NAME.
func ofRecord(name string) bool {
	switch name {
	case "time", "ts", "level", "msg", "attrs", "id", "service", "instance", "logger", "trace", "trace_id", "span", "span_id",
		"epoch", "class", "seq", "version", "environment", "env", "cluster", "namespace", "node":
		return true
	}
	return false
}

// attribute is one value of a record, its groups joined with dots as the query language names it.
type attribute struct{ path, text string }

// attributes are a record's, in the order in which they were logged. What is no object has none.
func attributes(raw json.RawMessage) (all []attribute) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	return group(d, "", nil)
}

func group(d *json.Decoder, prefix string, all []attribute) []attribute {
	for d.More() {
		key, err := d.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return all
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return all
		}
		if len(value) > 2 && value[0] == '{' && strings.Count(prefix, ".") < 16 {
			inner := json.NewDecoder(bytes.NewReader(value))
			_, _ = inner.Token()
			all = group(inner, prefix+name+".", all)
			continue
		}
		all = append(all, attribute{prefix + name, plainValue(value)})
	}
	return all
}

// plainValue shows a text without quotes where nothing can be mistaken.
func plainValue(raw json.RawMessage) string {
	var text string
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &text) != nil {
		return string(raw)
	}
	if text == "" || strings.ContainsAny(text, " =\"\t\n\r") {
		return strconv.Quote(text)
	}
	return text
}

// gap is a hole in the log.
type gap struct {
	Service  string     `json:"service"`
	Instance string     `json:"instance"`
	Epoch    string     `json:"epoch,omitempty"`
	Class    string     `json:"class"`
	FromSeq  uint64     `json:"from_seq"`
	ToSeq    uint64     `json:"to_seq,omitempty"` // 0: not known
	FromTS   *time.Time `json:"from_ts,omitempty"`
	ToTS     *time.Time `json:"to_ts,omitempty"`
	Cause    string     `json:"cause"`
}

func (g gap) key() string {
	return strings.Join([]string{g.Service, g.Instance, g.Epoch, g.Class, strconv.FormatUint(g.FromSeq, 10)}, "\x00")
}

// at is where the gap stands among the records.
func (g gap) at() time.Time {
	switch {
	case g.FromTS != nil:
		return *g.FromTS
	case g.ToTS != nil:
		return *g.ToTS
	default:
		return time.Time{}
	}
}

// count is how many records are missing; false when nobody knows.
func (g gap) count() (uint64, bool) {
	return g.ToSeq - g.FromSeq + 1, g.ToSeq >= g.FromSeq && g.ToSeq > 0
}

// sender is the instance, with its service where its name does not say it.
func (g gap) sender() string {
	if strings.HasPrefix(g.Instance, g.Service) {
		return printable(g.Instance)
	}
	return printable(g.Service + " " + g.Instance)
}

// line tells the gap in one sentence; clock writes its times.
func (g gap) line(clock func(time.Time) string) string {
	what := "records of %s (%s) may be missing"
	if n, known := g.count(); known {
		what = grouped(int64(n)) + " records of %s (%s) missing"
		if n == 1 {
			what = "1 record of %s (%s) missing"
		}
	}
	when := ""
	switch {
	case g.FromTS != nil && g.ToTS != nil:
		when = ", " + clock(*g.FromTS) + "–" + clock(*g.ToTS)
	case g.FromTS != nil:
		when = ", since " + clock(*g.FromTS)
	case g.ToTS != nil:
		when = ", before " + clock(*g.ToTS)
	}
	return fmt.Sprintf("--- gap: "+what+"%s: %s ---", g.sender(), printable(g.Class), when, printable(g.Cause))
}

// printable keeps what a log line holds from steering the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f || (r >= 0x80 && r <= 0x9f) || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) {
			return '·'
		}
		return r
	}, text)
}
