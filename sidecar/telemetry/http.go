package telemetry

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// HTTPServer are the RED metrics of HTTP requests that come in, named by OpenTelemetry's semantic
// conventions. One registry has one set, however often it is asked for. Safe for concurrent use.
type HTTPServer struct {
	duration *prometheus.HistogramVec
	active   *prometheus.GaugeVec
	request  *prometheus.HistogramVec
	response *prometheus.HistogramVec

	gauges   Table[string, prometheus.Gauge]
	children Table[exchangeKey, observers]
}

// exchangeKey are the labels of an exchange.
type exchangeKey struct {
	method, route string
	status        int
}

type observers struct{ duration, request, response prometheus.Observer }

// NewHTTPServer registers or finds the set.
func NewHTTPServer(r prometheus.Registerer) *HTTPServer {
	return &HTTPServer{
		duration: NewHistogram(r, "http_server_request_duration_seconds", "Duration of HTTP requests that came in",
			DurationBuckets(), "http_request_method", "http_route", "http_response_status_code"),
		active: Register(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "http_server_active_requests", Help: "HTTP requests being handled",
		}, []string{"http_request_method"})),
		request: NewHistogram(r, "http_server_request_body_size_bytes", "Size of request bodies, as far as they were read",
			SizeBuckets(), "http_request_method", "http_route"),
		response: NewHistogram(r, "http_server_response_body_size_bytes", "Size of response bodies",
			SizeBuckets(), "http_request_method", "http_route"),
	}
}

// Exchange is one request and its answer.
type Exchange struct {
	Method   string // as Method returned it
	Route    string // the pattern's path; "other" where none matched
	Status   int
	Duration time.Duration
	Read     int64 // bytes of request body
	Written  int64 // bytes of response body
}

// Active counts the requests under way; method is as Method returned it.
func (h *HTTPServer) Active(method string) prometheus.Gauge {
	return h.gauges.Of(method, func() prometheus.Gauge { return h.active.WithLabelValues(method) })
}

// Begin counts a request in; the returned end counts it out.
func (h *HTTPServer) Begin(method string) (end func()) {
	g := h.Active(method)
	g.Inc()
	return g.Dec
}

// Observe records a finished exchange.
func (h *HTTPServer) Observe(ctx context.Context, x Exchange) {
	to := h.children.Of(exchangeKey{x.Method, x.Route, x.Status}, func() observers {
		return observers{
			duration: h.duration.WithLabelValues(x.Method, x.Route, strconv.Itoa(x.Status)),
			request:  h.request.WithLabelValues(x.Method, x.Route),
			response: h.response.WithLabelValues(x.Method, x.Route),
		}
	})
	Observe(ctx, to.duration, x.Duration.Seconds())
	to.request.Observe(float64(x.Read))
	to.response.Observe(float64(x.Written))
}

// Method is the label value of a request's method: a method that HTTP does not know is "_OTHER", so
// that callers cannot make series.
func Method(m string) string {
	switch m {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE":
		return m
	default:
		return "_OTHER"
	}
}
