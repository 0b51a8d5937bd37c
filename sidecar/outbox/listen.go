package outbox

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
)

// listen wakes the relay on NOTIFY. Its connection is not the pool's: a pool of one must do for a service.
// While it is cut the poll carries on.
func (o *Outbox) listen(ctx context.Context) {
	var pace pacer
	for ctx.Err() == nil {
		if o.listenOnce(ctx) {
			pace.pause = 0
		}
		_ = pause.For(ctx, pace.next())
	}
}

// listenOnce lasts as long as its connection; worked says that it was made.
func (o *Outbox) listenOnce(ctx context.Context) (worked bool) {
	config := o.settings.DB.Pool().Config().ConnConfig.Copy()
	config.Tracer = nil
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{o.channel}.Sanitize()); err != nil {
		return false
	}
	o.nudge() // what came before LISTEN
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return true
		}
		o.nudge()
	}
}

func (o *Outbox) nudge() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}
