package edge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"time"

	"go.opentelemetry.io/otel/propagation"

	"github.com/signalbox-mesh/signalbox/services/gateway/internal/upstream"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// windowRetry is when to come again after a maintenance window that has no end of its own.
const windowRetry = time.Minute

// statusGone is logged when the client went away before there was an answer.
const statusGone = 499

func (e *Edge) newProxy() http.Handler {
	return &httputil.ReverseProxy{
		Rewrite:       e.rewrite,
		Transport:     e.Upstream,
		BufferPool:    &buffers{},
		FlushInterval: -1, // what the service sends is on its way at once: streams are no special case
		ErrorLog:      log.New(io.Discard, "", 0),
		ErrorHandler:  e.fail,
		ModifyResponse: func(resp *http.Response) error {
			dropOutgoing(resp.Header)
			return nil
		},
	}
}

// rewrite makes the request that a service gets. Hop-by-hop headers, the ones that Connection lists
// among them, are gone by now; ours are set after that, so no list can remove them.
func (e *Edge) rewrite(p *httputil.ProxyRequest) {
	x := exchangeOf(p.In.Context())
	p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = "http", x.route.Service, ""
	h := p.Out.Header
	h.Set("X-Forwarded-For", x.client.String())
	h.Set("X-Forwarded-Host", p.In.Host)
	h.Set("X-Forwarded-Proto", scheme(p.In))
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = nil // Go would put its own
	}
	e.Propagator.Inject(p.In.Context(), propagation.HeaderCarrier(h))
	stamp(p.In.Context(), h)
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// fail answers for a service that did not.
func (e *Edge) fail(w http.ResponseWriter, r *http.Request, err error) {
	if ours, ok := w.(*writer); ok && ours.late() {
		err = fmt.Errorf("%w: %w", errSlowBody, err)
	}
	var shut *upstream.WindowError
	if errors.As(err, &shut) {
		w.Header().Set("Retry-After", seconds(cmp.Or(shut.Remaining, windowRetry)))
		if ours, ok := w.(*writer); ok {
			ours.planned = true
		}
	}
	refuse(w, r, verdict(r.Context(), err))
}

func verdict(ctx context.Context, err error) error {
	var tooLarge *http.MaxBytesError
	var network net.Error
	var shut *upstream.WindowError
	switch {
	case errors.As(err, &shut):
		return problem.New(problem.Unavailable, shut.Error())
	case errors.As(err, &tooLarge):
		return err
	case errors.Is(err, errSlowBody):
		return &problem.Error{Code: problem.Invalid, Status: http.StatusRequestTimeout, Detail: "the body came too slowly", Err: err}
	case errors.Is(ctx.Err(), context.Canceled):
		return &problem.Error{Code: problem.Unavailable, Status: statusGone, Detail: "the client went away", Err: err}
	case errors.Is(err, errBadBody):
		return problem.Wrap(problem.Invalid, "the body cannot be read", err)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return &problem.Error{Code: problem.Unavailable, Status: http.StatusGatewayTimeout, Detail: "the service took too long", Err: err}
	default:
		return problem.Wrap(problem.Unavailable, "the service is not available just now; try again", err)
	}
}

// refuse answers with a problem document.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	var e *problem.Error
	if errors.As(err, &e) && (e.Status == http.StatusRequestTimeout || e.Status == http.StatusRequestEntityTooLarge) {
		w.Header().Set("Connection", "close") // the rest of the body is not read
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		w.Header().Set("Connection", "close")
	}
	problem.Write(w, r, err)
}

// Timeout is how long the row of the request in ctx gives its service; 0 outside of one.
func Timeout(ctx context.Context) time.Duration {
	if x := exchangeOf(ctx); x != nil {
		return x.route.Timeout
	}
	return 0
}

// Open reports whether the row of the request in ctx leads to its service in a maintenance window too.
func Open(ctx context.Context) bool {
	x := exchangeOf(ctx)
	return x != nil && x.route.Open
}
