package httpapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

const (
	maxExports  = 4           // at once on one replica
	exportChunk = 64 << 10    // bytes held back before they are written
	exportWrite = time.Minute // a client that does not read for so long is given up
)

// export streams every matching record, oldest first. It holds no more than a page and a chunk of them, and ends when
// the client leaves.
func (h *Handlers) export(w http.ResponseWriter, r *http.Request) {
	q, format, err := exportQuery(r)
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	select {
	case h.exports <- struct{}{}:
		defer func() { <-h.exports }()
	default:
		problem.Write(w, r, problem.New(problem.TooMany, "too many exports are running; try again"))
		return
	}
	if err := h.settings.Ready(); err != nil {
		problem.Write(w, r, h.failed(err))
		return
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	go func() {
		select {
		case <-h.wake.done:
			cancel(errStopping)
		case <-ctx.Done():
		}
	}()
	out := bufio.NewWriterSize(&patient{w, http.NewResponseController(w)}, exportChunk)
	w.Header().Set("Content-Type", map[string]string{"ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8; header=present"}[format])
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="logs-%s.%s"`, q.Since.UTC().Format("20060102T150405Z"), format))
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	_ = h.write(ctx, q, format, out) // whoever left has nobody to tell; the last line tells the others
}

var errStopping = errors.New("the service stops; ask again")

// write sends records, and what is to be said at the end, however it comes.
func (h *Handlers) write(ctx context.Context, q logs.Query, format string, out *bufio.Writer) error {
	var x exporter = newNDJSON(out)
	if format == "csv" {
		rows, err := newCSV(out)
		if err != nil {
			return err
		}
		x = rows
	}
	var unread error // by the client
	n := int64(0)
	missing, err := logs.Export(ctx, h.settings.Logs, q, func(r logs.Stored) error {
		n++
		unread = x.record(r)
		return unread
	})
	if unread != nil {
		return unread
	}
	e := exportEnd{Records: n, Complete: err == nil, Gaps: gaps(missing)}
	if err != nil {
		e.Cause = h.why(ctx, err)
	}
	return errors.Join(x.end(e), out.Flush())
}

// why is what of an error may leave.
func (h *Handlers) why(ctx context.Context, err error) string {
	if cause := context.Cause(ctx); errors.Is(cause, errStopping) {
		return cause.Error()
	}
	return problem.Of(h.failed(err), "").Detail
}

func exportQuery(r *http.Request) (q logs.Query, format string, err error) {
	in := r.URL.Query()
	if err := known(in, "q", "since", "until", "format"); err != nil {
		return q, "", err
	}
	q, err = question(r.Context(), in.Get("q"), Window{Since: in.Get("since"), Until: in.Get("until")}, time.Now())
	if err != nil {
		return q, "", err
	}
	q.Oldest = true
	format, err = formatOf(in.Get("format"), r.Header.Get("Accept"))
	return q, format, err
}

// formatOf takes the parameter, else the first of Accept that is known, else NDJSON.
func formatOf(asked, accept string) (string, error) {
	switch asked {
	case "ndjson", "csv":
		return asked, nil
	case "":
	default:
		return "", invalid("format", "ndjson or csv")
	}
	for part := range strings.SplitSeq(accept, ",") {
		switch t, _, _ := mime.ParseMediaType(part); t {
		case "text/csv":
			return "csv", nil
		case "application/x-ndjson", "application/jsonl", "application/json":
			return "ndjson", nil
		}
	}
	return "ndjson", nil
}

// patient gives every write its time.
type patient struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (p *patient) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(exportWrite)) // a server without deadlines has none to miss
	n, err := p.w.Write(b)
	if err == nil {
		err = p.control.Flush()
	}
	return n, err
}
