package up

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/client"
)

// The demo's rhythm: customers order and look all the time; every faultEvery one partner's software sends amounts as
// text for faultLasts, and is refused. Whoever looks at the logs finds one cause behind a rising error rate.
const (
	demoPace   = 200 * time.Millisecond
	faultEvery = time.Minute
	faultLasts = 10 * time.Second
)

const orderType = "demo-order"

const orderSchema = `{"type":"object","required":["customer","amount"],"additionalProperties":false,
	"properties":{"customer":{"type":"string"},"partner":{"type":"string"},"amount":{"type":"number","minimum":0},"note":{"type":"string"}}}`

// demo is the traffic of `up --demo`.
type demo struct {
	api   *client.Client
	log   *slog.Logger
	began time.Time

	mu    sync.Mutex
	known []string // ids of orders to read, the newest
}

// startDemo drives traffic until the returned stop, which waits for it to end.
func startDemo(ctx context.Context, m *meshup) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if err := runDemo(ctx, m); err != nil && ctx.Err() == nil {
			m.progress.printf("  ! demo traffic ended: %v\n", err)
		}
	})
	m.progress.printf("demo traffic runs; once a minute a partner's orders are refused for ten seconds: signalbox logs 'level>=warn' --state %s\n", m.options.State)
	return func() { cancel(); running.Wait() }
}

func runDemo(ctx context.Context, m *meshup) error {
	token, err := os.ReadFile(m.state.path("token"))
	if err != nil {
		return err
	}
	api, err := client.New("http://"+m.apiAddr, strings.TrimSpace(string(token)))
	if err != nil {
		return err
	}
	d := &demo{api: api, log: m.shippers.log().With(slog.String("part", "demo")), began: time.Now()}
	if err := d.prepare(ctx); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	tick := time.NewTicker(demoPace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			d.step(ctx)
		}
	}
}

// prepare makes the type of the orders, once.
func (d *demo) prepare(ctx context.Context) error {
	in := map[string]any{"name": orderType, "title": "Demo orders", "schema": rawJSON(orderSchema)}
	err := d.api.Do(ctx, http.MethodPost, "/api/catalogs/v1/types", nil, in, nil)
	var p *client.Problem
	if errors.As(err, &p) && p.Status == http.StatusConflict {
		return nil
	}
	return err
}

type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// step is one action of somebody; what fails is the demo's point, or passes.
func (d *demo) step(ctx context.Context) {
	switch roll := rand.N(10); {
	case roll < 4:
		d.order(ctx)
	case roll < 8:
		d.read(ctx)
	default:
		d.list(ctx)
	}
	if time.Since(d.began)%faultEvery > faultEvery-faultLasts {
		d.wrong(ctx)
	}
}

func (d *demo) order(ctx context.Context) {
	customer := []string{"ada", "grace", "edsger", "barbara", "tony"}[rand.N(5)]
	var made struct {
		ID string `json:"id"`
	}
	data := map[string]any{"customer": customer, "amount": float64(rand.N(10000)) / 100}
	if err := d.api.Do(ctx, http.MethodPost, records, nil, map[string]any{"data": data}, &made); err != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known = append(d.known, made.ID)
	d.known = d.known[max(0, len(d.known)-100):]
}

const records = "/api/catalogs/v1/types/" + orderType + "/records"

func (d *demo) read(ctx context.Context) {
	d.mu.Lock()
	id := ""
	if len(d.known) > 0 {
		id = d.known[rand.N(len(d.known))]
	}
	d.mu.Unlock()
	if id != "" {
		_ = d.api.Do(ctx, http.MethodGet, records+"/"+id, nil, nil, nil) // traffic, not a check
	}
}

func (d *demo) list(ctx context.Context) {
	query := url.Values{"filter": {"amount>=50"}, "order": {"amount desc"}, "limit": {"20"}}
	_ = d.api.Do(ctx, http.MethodGet, records, query, nil, nil) // traffic, not a check
}

// wrong is the recurring fault: an amount as text, which the type's schema refuses.
func (d *demo) wrong(ctx context.Context) {
	data := map[string]any{"customer": "acme", "partner": "acme", "amount": "12,50"}
	err := d.api.Do(ctx, http.MethodPost, records, nil, map[string]any{"data": data}, nil)
	var p *client.Problem
	if errors.As(err, &p) {
		d.log.WarnContext(ctx, "partner's order was refused", slog.String("partner", "acme"), slog.Int("status", p.Status),
			slog.String("detail", p.Detail), slog.String("refused_trace_id", p.TraceID))
	}
}
