package httptarget

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"

	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// Bounds of a request.
const (
	dialTimeout = 5 * time.Second
	tlsTimeout  = 10 * time.Second
	maxHeaders  = 64 << 10 // bytes of an answer
	maxRead     = 64 << 10 // bytes of an answer's body
	maxResult   = 2000     // characters of it that are kept
	maxReason   = 300      // characters of it in an error
	atOnce      = 200      // requests of one replica
)

// Ledger knows where a fire goes. timed.ErrOver: nobody waits for it any more.
type Ledger interface {
	HTTPTarget(ctx context.Context, fireID string) (service, url string, err error)
}

// Settings of a target.
type Settings struct {
	Allowed    Allowed
	Key        Key
	Ledger     Ledger
	Propagator propagation.TextMapPropagator // nil: W3C trace context
	Registerer prometheus.Registerer
}

// Target sends fires. Safe for concurrent use.
type Target struct {
	set     Settings
	client  *http.Client
	metrics metrics
}

// New makes a target; Close ends its idle connections.
func New(s Settings) *Target {
	if s.Propagator == nil {
		s.Propagator = propagation.TraceContext{}
	}
	dialer := &net.Dialer{Timeout: dialTimeout, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		if err := s.Allowed.dial(address); err != nil {
			return refused{err}
		}
		return nil
	}}
	return &Target{set: s, metrics: newMetrics(s.Registerer), client: &http.Client{
		// Proxy is nil: a proxy of the environment would resolve the name itself, and go anywhere.
		Transport: &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: tlsTimeout, MaxResponseHeaderBytes: maxHeaders,
			DisableCompression: true, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 4, MaxIdleConns: 100, IdleConnTimeout: 30 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// refused is an address that no connection may be made to.
type refused struct{ error }

// Close ends idle connections.
func (t *Target) Close() { t.client.CloseIdleConnections() }

// Route has the fires of key, on queue, sent.
func (t *Target) Route(queue, key string) timed.Route {
	return timed.Route{Queue: queue, Key: key, Prefetch: atOnce, Find: func(ctx context.Context, f timed.Fire) (string, timed.Handler, error) {
		service, target, err := t.set.Ledger.HTTPTarget(ctx, f.ID)
		return service, func(ctx context.Context, _ pg.Tx, f timed.Fire) error { return t.send(ctx, target, f) }, err
	}}
}

// send makes one request, within ctx. The error is what the ledger shows.
func (t *Target) send(ctx context.Context, target string, f timed.Fire) error {
	if err := t.set.Allowed.URL(target); err != nil { // the setting may be another than when it was saved
		t.metrics.ended("refused", 0)
		return timed.Final(fmt.Errorf("url: %w", err))
	}
	request, err := t.request(ctx, target, f)
	if err != nil {
		return timed.Final(err)
	}
	began := time.Now()
	answer, err := t.client.Do(request)
	if err != nil {
		err = t.unsent(ctx, err)
		t.metrics.ended(classOf(err), time.Since(began))
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // what counts of it is read
	text := textOf(answer)
	t.metrics.ended(fmt.Sprintf("%dxx", answer.StatusCode/100), time.Since(began))
	return judge(ctx, answer, text)
}

func (t *Target) request(ctx context.Context, target string, f timed.Fire) (*http.Request, error) {
	body, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("encode the fire: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("url: cannot be requested")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "signalbox-scheduler")
	t.set.Propagator.Inject(ctx, propagation.HeaderCarrier(r.Header))
	t.set.Key.sign(r.Header, f.ID, time.Now(), body)
	return r, nil
}

// unsent is the error of a request without an answer, without its URL: that is in the schedule, and may hold a token.
func (t *Target) unsent(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if no, ok := errors.AsType[refused](err); ok {
		return timed.Final(fmt.Errorf("url: %w", no))
	}
	if asked, ok := errors.AsType[*url.Error](err); ok {
		err = asked.Err
	}
	return fmt.Errorf("no answer: %w", err)
}

// classOf an error, for the metric.
func classOf(err error) string {
	switch _, no := errors.AsType[refused](err); {
	case no:
		return "refused"
	case errors.Is(err, timed.ErrDeadline):
		return "deadline"
	case errors.Is(err, timed.ErrCancelled):
		return "cancelled"
	}
	return "error"
}

// judge reads the answer as a receipt.
func judge(ctx context.Context, answer *http.Response, text string) error {
	if answer.StatusCode/100 == 2 {
		timed.Result(ctx, text)
		return nil
	}
	reason := answer.Status
	if answer.StatusCode/100 == 3 {
		reason += " (redirects are not followed)"
	}
	if text != "" {
		reason += ": " + firstRunes(text, maxReason)
	}
	if answer.StatusCode == http.StatusGone {
		return timed.Final(errors.New(reason))
	}
	return errors.New(reason)
}

// textOf the answer's body, where that is text; what lies beyond the bound is not read.
func textOf(answer *http.Response) string {
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	raw, _ := io.ReadAll(io.LimitReader(answer.Body, maxRead)) // a body that ends early is shown as far as it came
	isText := strings.HasPrefix(kind, "text/") || kind == "application/json" || strings.HasSuffix(kind, "+json")
	if !isText {
		return ""
	}
	return firstRunes(strings.TrimSpace(strings.ToValidUTF8(string(raw), "\uFFFD")), maxResult)
}

func firstRunes(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n])
}
