package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Messaging are the metrics of messages that a service sends and handles, named by OpenTelemetry's semantic conventions. One
// registry has one set for each system.
type Messaging struct {
	Operation *prometheus.HistogramVec // of a send: name, type, destination, error type
	Process   *prometheus.HistogramVec // of a try of a handler: name, type, destination, consumer group, error type
	Sent      *prometheus.CounterVec   // name, destination, error type
	Consumed  *prometheus.CounterVec   // name, destination, consumer group, error type
}

// NewMessaging registers or finds the set of a system, such as rabbitmq.
func NewMessaging(r prometheus.Registerer, system string) *Messaging {
	r = prometheus.WrapRegistererWith(prometheus.Labels{"messaging_system": system}, r)
	const name, kind, destination, group, failure = "messaging_operation_name", "messaging_operation_type", "messaging_destination_name", "messaging_consumer_group_name", "error_type"
	return &Messaging{
		Operation: NewHistogram(r, "messaging_client_operation_duration_seconds", "Duration of a publish until the broker took responsibility, or of a send until it was written",
			prometheus.DefBuckets, name, kind, destination, failure),
		Process: NewHistogram(r, "messaging_process_duration_seconds", "Duration of one try of a message's handler",
			prometheus.DefBuckets, name, kind, destination, group, failure),
		Sent: Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "messaging_client_sent_messages_total", Help: "Messages that a publish or a send was tried for"}, []string{name, destination, failure})),
		Consumed: Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "messaging_client_consumed_messages_total", Help: "Messages delivered to a handler, every try counted"}, []string{name, destination, group, failure})),
	}
}
