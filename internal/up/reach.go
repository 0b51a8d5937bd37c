package up

import (
	"context"
	"fmt"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/amqp"
)

// reachRabbitMQ waits, limit at most, until an existing RabbitMQ lets us in: services would be up without it, and the mesh
// would be called ready while none of its events arrive. The error is the cause and holds no part of the URL.
func reachRabbitMQ(ctx context.Context, url string, limit time.Duration) (err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	b, err := amqp.Open(url, bus.Client{Service: operator, Instance: operator + "-1"})
	if err != nil {
		return err
	}
	defer func() { _ = b.Close(context.WithoutCancel(ctx)) }() // it was only asked whether it is there
	for {
		if err = b.Ready(); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("RabbitMQ of SIGNALBOX_AMQP_URL: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
