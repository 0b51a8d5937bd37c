package up

import (
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/amqptest"
)

func TestReachRabbitMQ(t *testing.T) {
	t.Parallel()
	err := reachRabbitMQ(t.Context(), "amqp://somebody:geheim@127.0.0.1:1/", 300*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "SIGNALBOX_AMQP_URL") || !strings.Contains(err.Error(), "refused") || strings.Contains(err.Error(), "geheim") {
		t.Errorf("nobody listens there: %v", err)
	}
	if err := reachRabbitMQ(t.Context(), amqptest.New(t), 10*time.Second); err != nil {
		t.Error(err)
	}
}
