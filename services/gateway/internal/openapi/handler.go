package openapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

const (
	fresh     = 10 * time.Second // how long a merged document is served
	patience  = 3 * time.Second  // for all services together
	maxLength = 8 << 20          // of one service's document
)

// Settings of a Handler.
type Settings struct {
	Services []string
	Upstream http.RoundTripper // reaches the service that the URL's host names
	Leads    Leads
	Version  string
	Logger   *slog.Logger
}

// Handler serves the merged document. One request at a time asks the services; the others wait for it.
type Handler struct {
	Settings
	mu   sync.Mutex
	made time.Time
	body []byte
}

// New makes a Handler.
func New(s Settings) *Handler { return &Handler{Settings: s} }

// ServeHTTP answers with the merged document.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := h.document(r.Context())
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/openapi+json")
	w.Header().Set("Cache-Control", "no-cache")
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

func (h *Handler) document(ctx context.Context) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.body != nil && time.Since(h.made) < fresh {
		return h.body, nil
	}
	// The answer is for all who wait, so it does not end with the request that asks.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	sources, missing := h.collect(ctx)
	body, err := json.Marshal(Merge(h.Version, sources, missing, h.Leads))
	if err != nil {
		return nil, fmt.Errorf("encode merged document: %w", err)
	}
	h.body, h.made = body, time.Now()
	return body, nil
}

// collect asks all services at once; the order of the answer is that of the names.
func (h *Handler) collect(ctx context.Context) (sources []Source, missing []string) {
	documents := make([]Document, len(h.Services))
	var wg sync.WaitGroup
	for i, service := range h.Services {
		wg.Go(func() {
			d, err := h.ask(ctx, service)
			if err != nil {
				h.Logger.DebugContext(ctx, "a service's document is left out", slog.String("upstream", service), slog.Any("err", err))
			}
			documents[i] = d
		})
	}
	wg.Wait()
	for i, d := range documents {
		if d == nil {
			missing = append(missing, h.Services[i])
			continue
		}
		sources = append(sources, Source{Service: h.Services[i], Document: d})
	}
	slices.Sort(missing)
	return sources, missing
}

func (h *Handler) ask(ctx context.Context, service string) (Document, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+service+"/openapi.json", nil)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	resp, err := h.Upstream.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", service, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask %s: answered %s", service, resp.Status)
	}
	var d Document
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxLength)).Decode(&d); err != nil {
		return nil, fmt.Errorf("read document of %s: %w", service, err)
	}
	return d, nil
}
