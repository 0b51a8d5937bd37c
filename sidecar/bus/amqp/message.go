package amqp

import (
	"maps"
	"strconv"
	"strings"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/internal/flow"
)

// Headers of ours. They never reach a handler.
const (
	ownPrefix     = "signalbox-"
	headerTag     = ownPrefix + "publish" // correlates a returned message
	headerAttempt = ownPrefix + "attempt"
	headerKey     = ownPrefix + "key" // the first routing key: a retry has the queue's name
	headerReason  = ownPrefix + "reason"
	headerParked  = ownPrefix + "parked-at" // unix milliseconds
)

func outgoing(m flow.Message) amqp091.Publishing {
	headers := amqp091.Table{}
	for k, v := range m.Event.Headers {
		if !isOwn(k) {
			headers[k] = v
		}
	}
	p := amqp091.Publishing{
		Headers: headers, ContentType: bus.ContentType, DeliveryMode: amqp091.Persistent,
		MessageId: short(m.Event.ID), Type: short(m.Event.Type), Timestamp: m.Event.Time, Body: m.Body,
	}
	if m.Light {
		p.DeliveryMode = amqp091.Transient
	}
	if m.Expires > 0 {
		p.Expiration = strconv.FormatInt(max(m.Expires.Milliseconds(), 1), 10)
	}
	return p
}

// isOwn reports headers that are ours or the broker's.
func isOwn(name string) bool {
	return strings.HasPrefix(name, ownPrefix) || strings.HasPrefix(name, "x-")
}

// short cuts to what a short string of AMQP holds; the body has the whole.
func short(s string) string { return s[:min(len(s), 255)] }

// incoming reads a delivery. With an error, what can be known without the body is there.
func incoming(d amqp091.Delivery) (bus.Delivery, error) {
	e, err := bus.Decode(d.Body)
	if err != nil {
		e = bus.Event{ID: d.MessageId, Type: d.Type, Time: d.Timestamp}
	}
	e.Headers = map[string]string{}
	for k, v := range d.Headers {
		if text, ok := v.(string); ok && !isOwn(k) {
			e.Headers[k] = text
		}
	}
	return bus.Delivery{Event: e, Key: keyOf(d), Attempt: attemptOf(d)}, err
}

func keyOf(d amqp091.Delivery) string {
	if key, ok := d.Headers[headerKey].(string); ok {
		return key
	}
	return d.RoutingKey
}

func attemptOf(d amqp091.Delivery) int {
	if n, ok := d.Headers[headerAttempt].(int64); ok && n > 0 && n < 1000 {
		return int(n)
	}
	return 1
}

// onward is the same message for its next station: a retry, the parking place, or back again.
func onward(d amqp091.Delivery, own amqp091.Table) amqp091.Publishing {
	headers := amqp091.Table{}
	for k, v := range d.Headers {
		if !isOwn(k) {
			headers[k] = v
		}
	}
	headers[headerKey] = keyOf(d)
	maps.Copy(headers, own)
	return amqp091.Publishing{
		Headers: headers, ContentType: d.ContentType, DeliveryMode: amqp091.Persistent,
		MessageId: d.MessageId, Type: d.Type, Timestamp: d.Timestamp, Body: d.Body,
	}
}

func parked(d amqp091.Delivery) bus.Parked {
	p := bus.Parked{}
	p.Delivery, _ = incoming(d) // unreadable ones are listed by their message id
	p.Reason, _ = d.Headers[headerReason].(string)
	if ms, ok := d.Headers[headerParked].(int64); ok {
		p.ParkedAt = time.UnixMilli(ms).UTC()
	}
	if p.Reason == "" {
		p.Reason, p.ParkedAt = deathOf(d)
	}
	return p
}

// deathOf reads what the broker wrote when it, not we, gave the message up.
func deathOf(d amqp091.Delivery) (reason string, at time.Time) {
	deaths, _ := d.Headers["x-death"].([]any)
	for _, death := range deaths {
		if t, ok := death.(amqp091.Table); ok {
			reason, _ = t["reason"].(string)
			at, _ = t["time"].(time.Time)
			return reason, at
		}
	}
	return "unknown", time.Time{}
}
