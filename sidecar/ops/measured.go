package ops

import (
	"net/http"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// measured counts a probe as any request is counted.
func measured(m *telemetry.HTTPServer, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, method := time.Now(), telemetry.Method(r.Method)
		end := m.Begin(method)
		c := &counter{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			end()
			_, route, _ := strings.Cut(r.Pattern, " ")
			m.Observe(r.Context(), telemetry.Exchange{
				Method: method, Route: route, Status: c.status, Duration: time.Since(began), Written: c.written,
			})
		}()
		h.ServeHTTP(c, r)
	})
}

type counter struct {
	http.ResponseWriter
	status  int
	written int64
}

func (c *counter) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.written += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }
