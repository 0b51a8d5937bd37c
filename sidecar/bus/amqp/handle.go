package amqp

import (
	"context"
	"errors"
	"log/slog"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/internal/flow"
	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
)

// tryOnce handles an exclusive queue's event: whatever comes of it, the event is over. Whoever
// delivers it acknowledges it.
func (s *subscription) tryOnce(d amqp091.Delivery) {
	event, err := incoming(d)
	if err == nil {
		err = s.bus.flow.Process(s.ctx, s.Subscription, event)
	}
	if err != nil {
		s.bus.flow.Metrics.Dropped.WithLabelValues(s.Queue).Inc()
		s.bus.flow.Client.Logger.WarnContext(s.ctx, "event of an exclusive queue dropped", slog.String("queue", s.Queue),
			slog.String("event_id", event.ID), slog.String("event_type", event.Type), slog.Any("err", err))
	}
}

// handle tries a durable queue's event, moves it on if it failed, and acknowledges last.
func (s *subscription) handle(session *session, d amqp091.Delivery, handled *settled) {
	v := s.judge(handled.rush.during(s.ctx), d)
	if !v.Done && !s.moved(session, d, v) {
		return // not acknowledged: the broker delivers it again
	}
	handled.end(d.DeliveryTag)
}

func (s *subscription) judge(ctx context.Context, d amqp091.Delivery) flow.Verdict {
	event, err := incoming(d)
	if err != nil {
		s.bus.flow.Metrics.Parked.WithLabelValues(s.Queue).Inc()
		return flow.Verdict{Reason: flow.Reason(err)}
	}
	return s.bus.flow.Judge(s.ctx, s.Queue, event, s.bus.flow.Process(ctx, s.Subscription, event))
}

// moved publishes the message to its next station, as often as it takes while the session lives. A station
// that somebody deleted is declared again by the next session.
func (s *subscription) moved(session *session, d amqp091.Delivery, v flow.Verdict) bool {
	for {
		ctx, cancel := context.WithTimeout(s.bus.ctx, flow.PublishTimeout)
		err := s.move(ctx, session, d, v)
		cancel()
		if err == nil {
			return true
		}
		s.bus.flow.Client.Logger.WarnContext(s.ctx, "failed event is not moved on", slog.String("queue", s.Queue),
			slog.String("event_id", d.MessageId), slog.Any("err", err))
		if errors.Is(err, bus.ErrUnroutable) {
			session.kill(err)
			return false
		}
		if session.isDead() || pause.For(s.ctx, rest) != nil {
			return false
		}
	}
}

func (s *subscription) move(ctx context.Context, session *session, d amqp091.Delivery, v flow.Verdict) error {
	if v.Retry {
		return session.back.publish(ctx, retryName(v.Delay), s.Queue, onward(d, amqp091.Table{headerAttempt: int64(attemptOf(d) + 1)}))
	}
	return session.back.publish(ctx, "", parkedName(s.Queue), onward(d, amqp091.Table{
		headerAttempt: int64(attemptOf(d)), headerReason: v.Reason, headerParked: time.Now().UnixMilli(),
	}))
}
