package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// audit adds a row in the transaction of what it tells; the database numbers and chains it, and holds the chain's end
// until the transaction does, so it comes last in one.
func audit(ctx context.Context, tx pg.Tx, c lease.Change) error {
	batch := &pgx.Batch{}
	queueAudit(batch, c)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write the audit: %w", err)
	}
	return nil
}

// queueAudit is audit as the last part of a transaction's batch.
func queueAudit(batch *pgx.Batch, c lease.Change) {
	batch.Queue(`INSERT INTO audit (actor, name, action, service, subject, detail) VALUES ($1, $2, $3, $4, $5, $6)`,
		c.Actor, c.Name, c.Action, c.Service, c.Subject, c.Detail)
}

// Audit lists who changed what, newest first, with what became of it at the instances that the scope has.
func (s *Store) Audit(ctx context.Context, scope logs.Scope, f lease.AuditFilter) ([]lease.Change, error) {
	w := &where{}
	seen := "true"
	if !scope.All {
		mine := w.arg(append([]string{}, scope.Services...))
		w.terms = append(w.terms, "(service = '' OR service = ANY ("+mine+"))")
		seen = "r.service = ANY (" + mine + ")"
	}
	for column, value := range map[string]string{"action": f.Action, "subject": f.Subject} {
		if value != "" {
			w.and(column+" = %s", value)
		}
	}
	if f.Actor != "" {
		w.and("%s IN (actor, name)", f.Actor)
	}
	if f.Service != "" {
		w.and("service IN ('', %s)", f.Service)
	}
	if !f.Since.IsZero() {
		w.and("at >= %s", f.Since)
	}
	if !f.Until.IsZero() {
		w.and("at < %s", f.Until)
	}
	if f.Before > 0 {
		w.and("id < %s", f.Before)
	}
	rows, err := s.db.Pool().Query(ctx, `SELECT id, at, actor, name, action, service, subject, detail, (
			SELECT coalesce(jsonb_agg(jsonb_build_object('service', r.service, 'instance', r.instance, 'state', r.state, 'error', r.error,
				'took_ms', r.took_ms, 'via', r.via) ORDER BY r.service, r.instance), '[]') FROM lease_outcomes r
			WHERE r.lease_id = CASE WHEN a.action IN ('lease.set', 'lease.drop', 'lease.expire') THEN a.subject::uuid END
				AND r.change = substr(a.action, 7) AND `+seen+`)
		FROM audit a WHERE `+w.String()+` ORDER BY id DESC LIMIT `+w.arg(f.Limit), w.args...)
	if err != nil {
		return nil, fmt.Errorf("list the audit: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[lease.Change])
}

// Annotations are the leases that held some time from since until until, and the other changes of that time, newest
// first: those that have all the tags, which are lease, a kind, a state, audit, an action, and service:NAME.
func (s *Store) Annotations(ctx context.Context, scope logs.Scope, since, until time.Time, tags []string, limit int) ([]lease.Lease, []lease.Change, error) {
	w := &where{}
	w.and("created_at <= %s", until)
	w.and("coalesce(ended_at, expires_at, 'infinity') >= %s", since)
	if len(tags) > 0 {
		w.and(`%s::text[] <@ ARRAY['lease', kind, 'service:' || service,
			CASE WHEN ended <> '' THEN ended WHEN expires_at <= now() THEN 'expired' ELSE 'active' END]`, tags)
	}
	if !scope.All {
		w.and("(service = '' OR service = ANY (%s))", append([]string{}, scope.Services...))
	}
	rows, err := s.db.Pool().Query(ctx, `SELECT `+leaseColumns+` FROM leases WHERE `+w.String()+` ORDER BY created_at DESC LIMIT `+w.arg(limit), w.args...)
	if err != nil {
		return nil, nil, fmt.Errorf("list the leases: %w", err)
	}
	leases, err := pgx.CollectRows(rows, scanLease)
	if err != nil {
		return nil, nil, fmt.Errorf("list the leases: %w", err)
	}
	w = &where{}
	w.and("at BETWEEN %s AND %s", since, until)
	if len(tags) > 0 {
		w.and("%s::text[] <@ ARRAY['audit', action, 'service:' || service]", tags)
	}
	w.and("(action NOT LIKE 'lease.%%' OR action = 'lease.spent')")
	if !scope.All {
		w.and("(service = '' OR service = ANY (%s))", append([]string{}, scope.Services...))
	}
	rows, err = s.db.Pool().Query(ctx, `SELECT id, at, actor, name, action, service, subject, detail, '[]'::jsonb
		FROM audit WHERE `+w.String()+` ORDER BY id DESC LIMIT `+w.arg(limit), w.args...)
	if err != nil {
		return nil, nil, fmt.Errorf("list the audit: %w", err)
	}
	changes, err := pgx.CollectRows(rows, pgx.RowToStructByPos[lease.Change])
	if err != nil {
		return nil, nil, fmt.Errorf("list the audit: %w", err)
	}
	return leases, changes, nil
}

// VerifyAudit goes along the chain of the audit's rows. broken is the first row that is not what was written, or that
// follows one that is missing; 0 when every row is as it was.
func (s *Store) VerifyAudit(ctx context.Context) (checked, broken int64, err error) {
	err = s.db.Pool().QueryRow(ctx, `SELECT checked, coalesce(broken, 0) FROM audit_verify()`).Scan(&checked, &broken)
	if err != nil {
		return 0, 0, fmt.Errorf("verify the audit: %w", err)
	}
	return checked, broken, nil
}
