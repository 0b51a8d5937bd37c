package pg

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// InTwo runs a transaction in two round trips, for who is waited for: ask queues what is read, or written, in the first, which
// begins it; answer, which is called when the results of that are there, what is written in the second, which commits. InTx
// takes two trips more. Each statement is planned once by a connection, without regard to its arguments; else it would be the first five
// times, and where few change something, that is nearly always. Errors roll back, and both are called again after those that InTx retries.
func (d *DB) InTwo(ctx context.Context, ask func(first *pgx.Batch), answer func(second *pgx.Batch) error) error {
	return again(ctx, func() (began bool, err error) {
		conn, err := d.pool.Acquire(ctx)
		if err != nil {
			return false, err
		}
		defer conn.Release()
		defer rollback(ctx, conn)
		first := &pgx.Batch{}
		first.Queue("begin")
		first.Queue("SET LOCAL plan_cache_mode = force_generic_plan")
		ask(first)
		if err := conn.SendBatch(ctx, first).Close(); err != nil {
			return answered(err), err
		}
		second := &pgx.Batch{}
		if err := answer(second); err != nil {
			return true, err
		}
		second.Queue("commit")
		return true, conn.SendBatch(ctx, second).Close()
	})
}

// answered tells what the server has refused from a connection that was dead, or has died, with nothing committed.
func answered(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && refused.SeverityUnlocalized == "ERROR"
}

// rollback ends a transaction that is not committed; a connection that cannot is closed by its release.
func rollback(ctx context.Context, conn *pgxpool.Conn) {
	if conn.Conn().IsClosed() || conn.Conn().PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pingTimeout)
	defer cancel()
	_, _ = conn.Exec(ctx, "rollback")
}
