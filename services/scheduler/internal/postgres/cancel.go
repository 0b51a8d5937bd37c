package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// What stands against an operation on a fire.
var (
	ErrEnded    = errors.New("the fire has ended")
	ErrNotTaken = errors.New("the fire is not one to be taken")
)

// cancelLives is how long instances are told of a cancelled fire: whoever takes it later has its deadline.
const cancelLives = time.Minute

// Cancel ends a fire by hand. One that no handler has yet, or that is polled for, ends in the ledger at once, with the reason
// cancelled. Of one that a handler may be at work on the instance is told, and its receipt ends it. ErrNoFire, ErrEnded.
func (s *Store) Cancel(ctx context.Context, id, by, note string) (f api.Fire, err error) {
	ctx, commit := s.counted(ctx)
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		f, err = s.cancel(ctx, tx, id, by, note)
		return err
	})
	commit(err)
	if err != nil {
		return api.Fire{}, fmt.Errorf("cancel fire %q: %w", id, err)
	}
	return f, nil
}

func (s *Store) cancel(ctx context.Context, tx pgx.Tx, id, by, note string) (api.Fire, error) {
	f, err := readFire(ctx, tx, id, "FOR UPDATE")
	if err != nil {
		return api.Fire{}, err
	}
	if f.EndedAt != nil {
		return api.Fire{}, ErrEnded
	}
	target, err := targetOf(ctx, tx, id)
	if err != nil {
		return api.Fire{}, err
	}
	why := "cancelled by " + by
	if note != "" {
		why += ": " + note
	}
	if f.State != api.Waiting && target != timed.TargetPoll { // also of a planned one: the broker may have it by now
		if err := s.tellToEnd(ctx, tx, timed.Cancel{FireID: id, Reason: why}); err != nil {
			return api.Fire{}, err
		}
	}
	if f.State == api.Waiting || f.State == api.Planned || target == timed.TargetPoll {
		return s.endCancelled(ctx, tx, id, why)
	}
	return f, nil
}

func targetOf(ctx context.Context, tx pgx.Tx, id string) (target string, err error) {
	if err := tx.QueryRow(ctx, `SELECT target FROM fires WHERE id = $1`, id).Scan(&target); err != nil {
		return "", fmt.Errorf("read the target: %w", err)
	}
	return target, nil
}

func (s *Store) endCancelled(ctx context.Context, tx pgx.Tx, id, why string) (api.Fire, error) {
	rows, err := tx.Query(ctx, `UPDATE fires SET state = 'failed', reason = $2, error = $3, retry_at = NULL, ended_at = clock_timestamp()
		WHERE id = $1 RETURNING `+fireColumns, id, api.ReasonCancelled, why)
	if err != nil {
		return api.Fire{}, err
	}
	f, err := pgx.CollectExactlyOneRow(rows, scanFire)
	if err != nil {
		return api.Fire{}, err
	}
	return f, s.emitEnded(ctx, tx, f)
}

// tellToEnd tells every instance with the transaction.
func (s *Store) tellToEnd(ctx context.Context, tx pgx.Tx, c timed.Cancel) error {
	e, err := s.cancelEntry(c)
	if err != nil {
		return err
	}
	return s.outbox.AddAll(ctx, tx, []outbox.Entry{e})
}

func (s *Store) cancelEntry(c timed.Cancel) (outbox.Entry, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return outbox.Entry{}, fmt.Errorf("encode the cancellation: %w", err)
	}
	return outbox.Entry{Publication: bus.Publication{Exchange: bus.Control, Key: timed.EventCancel, Expires: cancelLives, Event: bus.Event{
		Source: s.source, Type: timed.EventCancel, Subject: c.FireID, Time: time.Now().UTC(), Data: data,
	}}}, nil
}
