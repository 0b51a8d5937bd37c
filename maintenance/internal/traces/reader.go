package traces

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Reader reads traces from one store. Safe for concurrent use.
type Reader struct {
	store  *store // nil: nobody has said where
	client *http.Client
	turn   chan struct{}
	reads  *prometheus.CounterVec
}

// New makes a reader of the store that query names, as jaeger=URL or zipkin=URL; "": every trace is without spans, and says
// why. It does not connect.
func New(query string, r prometheus.Registerer) (*Reader, error) {
	reader := &Reader{turn: make(chan struct{}, maxReading), client: &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxConnsPerHost: maxReading, IdleConnTimeout: 10 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the operator named the store, nobody else does
	}, reads: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalbox_trace_reads_total",
		Help: "Traces read from the trace store by outcome: found, or the first reason why spans are missing"}, []string{"outcome"})}
	if query != "" {
		var err error
		if reader.store, err = parseStore(query); err != nil {
			return nil, fmt.Errorf("trace store: %w", err)
		}
	}
	r.MustRegister(reader.reads)
	return reader, nil
}

// Close gives the connections back that nobody uses.
func (r *Reader) Close() { r.client.CloseIdleConnections() }

// Read asks for a trace. It never fails, and takes two seconds at most: what could not be read is in Missing.
func (r *Reader) Read(ctx context.Context, id ID) Found {
	f := r.read(ctx, id)
	r.reads.WithLabelValues(f.outcome()).Inc()
	return f
}

func (r *Reader) read(ctx context.Context, id ID) (f Found) {
	if r.store == nil {
		f.lacks(NotConfigured, "nobody has said where spans are kept: SIGNALBOX_VIEW_SERVICE_TRACE_QUERY names Jaeger or Zipkin")
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		f.lacks(Unreachable, "as many traces as may be are being read already; try again")
		return f
	}
	body, known, err := r.ask(ctx, id)
	switch {
	case errors.Is(err, errTooLarge):
		f.lacks(TooLarge, "the trace store's answer has more than 16 MiB")
	case err != nil:
		f.lacks(Unreachable, "the trace store cannot be asked: "+why(err))
	case !known:
		f.unknown()
	default:
		f = r.decode(body, id)
	}
	return f
}

func (f *Found) unknown() {
	f.lacks(SampledOut, "the trace store knows no span of this trace: it was sampled out, is no longer kept, or is on its way still")
}

func (r *Reader) decode(body []byte, id ID) Found {
	if r.store.kind == zipkin {
		return fromZipkin(body, id)
	}
	return fromJaeger(body, id)
}

var errTooLarge = errors.New("the answer is too large")

// ask gets the answer; known is false when the store says that it has no such trace.
func (r *Reader) ask(ctx context.Context, id ID) (body []byte, known bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.store.trace(id).String(), http.NoBody)
	if err != nil {
		return nil, false, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = resp.Body.Close() }() // it was read, or is given up
	if body, err = io.ReadAll(io.LimitReader(resp.Body, maxBytes+1)); err != nil {
		return nil, false, err
	}
	switch {
	case len(body) > maxBytes:
		return nil, false, errTooLarge
	case resp.StatusCode == http.StatusOK:
		return body, true, nil
	case resp.StatusCode == http.StatusNotFound && r.store.denies(body, id):
		return nil, false, nil
	}
	return nil, false, fmt.Errorf("it answers %s", short(resp.Status, maxName))
}

// why is an error without the URL that was asked, whose password is nobody's business.
func why(err error) string {
	var asked *url.Error
	if errors.As(err, &asked) {
		err = asked.Err
	}
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return "no answer within 2 s"
	}
	return short(err.Error(), maxName)
}
