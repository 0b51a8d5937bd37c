// Package zipkin exports spans to a Zipkin collector's /api/v2/spans, with openzipkin's own model and
// HTTP reporter. The reporter works behind the caller's back and forgets what it could not send;
// Exporter waits for it and says what became of each batch.
package zipkin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/openzipkin/zipkin-go/model"
	"github.com/openzipkin/zipkin-go/reporter"
	zipkinhttp "github.com/openzipkin/zipkin-go/reporter/http"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Bounds of the reporter. Its backlog never holds more than one batch of ours.
const (
	timeout = 5 * time.Second
	backlog = 1 << 16
	fates   = 512 // of requests, not taken yet: the reporter waits for more room
)

// Exporter sends spans to one collector. ExportSpans is not called concurrently, as the interface
// promises.
type Exporter struct {
	reporter reporter.Reporter
	post     *post
	stop     sync.Once
	stopped  chan struct{}
}

// New makes an exporter to the collector at url; it does not connect.
func New(url string) (*Exporter, error) {
	if _, err := http.NewRequest(http.MethodPost, url, http.NoBody); err != nil {
		return nil, fmt.Errorf("make zipkin exporter: %w", err)
	}
	p := &post{
		client: &http.Client{Timeout: timeout, Transport: &http.Transport{MaxIdleConns: 1, IdleConnTimeout: time.Minute, Proxy: http.ProxyFromEnvironment},
			CheckRedirect: onlyWhole},
		results: make(chan result, fates),
	}
	return &Exporter{
		post:    p,
		stopped: make(chan struct{}),
		reporter: zipkinhttp.NewReporter(url,
			zipkinhttp.BatchSize(1), // every span is a reason to send what there is
			zipkinhttp.MaxBacklog(backlog),
			zipkinhttp.Client(p),
			zipkinhttp.Serializer(p),
			zipkinhttp.Logger(log.New(io.Discard, "", 0))),
	}, nil
}

// ExportSpans returns when every span's fate is known: the collector answered, or ctx ended, which
// ends the requests as well.
func (e *Exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	select {
	case <-e.stopped:
		return errors.New("zipkin exporter is stopped")
	default:
	}
	e.post.begin(ctx)
	for _, s := range spans {
		e.reporter.Send(convert(s))
	}
	var errs error
	for left := len(spans); left > 0; {
		r := <-e.post.results
		left -= r.spans
		if errs == nil {
			errs = r.err // one of them is enough to read
		}
	}
	return errs
}

// Shutdown ends the reporter and closes its connection.
func (e *Exporter) Shutdown(context.Context) error {
	e.stop.Do(func() {
		close(e.stopped)
		_ = e.reporter.Close() // nothing is left in it, or the collector does not take it
		e.post.client.CloseIdleConnections()
	})
	return nil
}

// post is what the reporter sends with: it counts the spans of a request while they are serialised
// and reports their fate when the collector answered. The reporter calls both from one goroutine.
type post struct {
	client  *http.Client
	json    reporter.JSONSerializer
	spans   int   // in the request being sent
	err     error // about some of them
	results chan result

	mu  sync.Mutex
	ctx context.Context // of the batch being exported
}

func (p *post) begin(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ctx = ctx
}

func (p *post) current() context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ctx
}

type result struct {
	spans int
	err   error
}

func (p *post) ContentType() string { return p.json.ContentType() }

// Serialize leaves out a span that cannot be written (a time before 1970): the reporter would keep it
// and stumble over it for ever.
func (p *post) Serialize(spans []*model.SpanModel) ([]byte, error) {
	p.spans, p.err = len(spans), nil
	body, err := p.json.Serialize(spans)
	if err == nil {
		return body, nil
	}
	p.err = fmt.Errorf("encode spans: %w", err)
	good := make([]*model.SpanModel, 0, len(spans))
	for _, s := range spans {
		if _, err := s.MarshalJSON(); err == nil {
			good = append(good, s)
		}
	}
	if body, err = p.json.Serialize(good); err != nil {
		body = []byte("[]") // so that the request is made, and its result counted
	}
	return body, nil
}

// Do never returns an error: the reporter would keep the batch and send it together with the next one,
// for which nobody waits any more.
func (p *post) Do(r *http.Request) (*http.Response, error) {
	resp, err := p.client.Do(r.WithContext(p.current()))
	if err != nil {
		p.results <- result{p.spans, errors.Join(p.err, err)}
		return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody, Request: r}, nil
	}
	if resp.StatusCode/100 != 2 {
		err = fmt.Errorf("collector answered %s", resp.Status)
	}
	p.results <- result{p.spans, errors.Join(p.err, err)}
	return resp, nil
}

// onlyWhole lets no redirect make a GET of what is sent: its answer would count as the collector's.
func onlyWhole(r *http.Request, via []*http.Request) error {
	if r.Method != http.MethodPost || len(via) >= 10 {
		return http.ErrUseLastResponse
	}
	return nil
}
