package inproc

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/internal/flow"
)

// maxMail is how many events an exclusive queue holds; what comes on top is counted and dropped.
const maxMail = 10_000

// mailbox is an exclusive queue: in memory, handled one by one in order.
type mailbox struct {
	sub    bus.Subscription
	flow   *flow.Flow
	ctx    context.Context
	cancel context.CancelFunc
	wake   chan struct{} // buffered
	done   sync.WaitGroup

	mu     sync.Mutex
	mail   []record
	closed bool
}

func newMailbox(s bus.Subscription, f *flow.Flow) *mailbox {
	m := &mailbox{sub: s, flow: f, wake: make(chan struct{}, 1)}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.done.Go(m.run)
	return m
}

func (m *mailbox) takes(exchange, key string) bool {
	if exchange == bus.Direct {
		return m.sub.Queue == key
	}
	return slices.ContainsFunc(m.sub.Keys, func(k string) bool { return binding{m.sub.Exchange, k}.takes(exchange, key) })
}

func (m *mailbox) put(r record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || len(m.mail) >= maxMail {
		m.flow.Metrics.Dropped.WithLabelValues(m.sub.Queue).Inc()
		return
	}
	m.mail = append(m.mail, r)
	m.nudge()
}

func (m *mailbox) nudge() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *mailbox) run() {
	for range m.wake {
		for _, r := range m.take() {
			m.handle(r)
		}
		if m.over() {
			return
		}
	}
}

func (m *mailbox) take() []record {
	m.mu.Lock()
	defer m.mu.Unlock()
	mail := m.mail
	m.mail = nil
	return mail
}

func (m *mailbox) over() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.closed && len(m.mail) == 0
}

func (m *mailbox) handle(r record) {
	d, err := r.delivery()
	if err == nil && !r.expired() && m.ctx.Err() == nil {
		err = m.flow.Process(m.ctx, m.sub, d)
	}
	if err != nil {
		m.flow.Metrics.Dropped.WithLabelValues(m.sub.Queue).Inc()
		m.flow.Client.Logger.WarnContext(m.ctx, "event of an exclusive queue dropped", slog.String("queue", m.sub.Queue),
			slog.String("event_id", d.ID), slog.String("event_type", d.Type), slog.Any("err", err))
	}
}

// stop takes no more mail and waits until what is there was handled.
func (m *mailbox) stop(ctx context.Context) error {
	m.mu.Lock()
	m.closed = true
	m.nudge()
	m.mu.Unlock()
	defer m.cancel()
	return wait(ctx, &m.done, m.sub.Queue)
}
