package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/profile"
	kinds "github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// staleUpload is how long an upload may pause that is not complete.
const staleUpload = time.Hour

// BeginProfile implements profile.Store.
func (s *Store) BeginProfile(ctx context.Context, p profile.Profile, maxBytes int64) (begun profile.Begun, err error) {
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, profilesLock); err != nil {
			return err
		}
		var sha []byte
		err := tx.QueryRow(ctx, `SELECT id::text, stored, complete, sha256 FROM profiles WHERE lease_id = $1 AND service = $2 AND instance = $3`,
			p.LeaseID, p.Service, p.Instance).Scan(&begun.ID, &begun.Stored, &begun.Complete, &sha)
		switch {
		case err == nil && (begun.Complete || bytes.Equal(sha, p.SHA256)):
			return nil
		case err == nil: // captured again, by a later run of the instance
			if _, err := tx.Exec(ctx, `DELETE FROM profiles WHERE id = $1`, begun.ID); err != nil {
				return err
			}
		case !pg.IsNoRows(err):
			return err
		}
		begun = profile.Begun{ID: p.ID}
		return insertProfile(ctx, tx, p, maxBytes)
	})
	if err != nil {
		return begun, fmt.Errorf("begin the profile of lease %s: %w", p.LeaseID, err)
	}
	return begun, nil
}

func insertProfile(ctx context.Context, tx pg.Tx, p profile.Profile, maxBytes int64) error {
	if p.Size > maxBytes {
		return profile.ErrTooMuch
	}
	err := tx.QueryRow(ctx, `SELECT owner, owner_name, reason FROM leases WHERE id = $1 AND kind = $2
		AND service IN ('', $3) AND instance IN ('', $4)`, p.LeaseID, kinds.Profile, p.Service, p.Instance).Scan(&p.Owner, &p.OwnerName, &p.Reason)
	if pg.IsNoRows(err) {
		return profile.ErrLease
	}
	if err != nil {
		return err
	}
	if _, err := fitProfiles(ctx, tx, maxBytes-p.Size); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO profiles (id, lease_id, service, instance, profile, from_ts, until_ts, size, sha256, cut, owner, owner_name, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		p.ID, p.LeaseID, p.Service, p.Instance, p.Kind, p.From, p.Until, p.Size, p.SHA256, p.Cut, p.Owner, p.OwnerName, p.Reason)
	return err
}

// fitProfiles removes the oldest, and of those that are as old whichever, until the rest has no more than maxBytes.
func fitProfiles(ctx context.Context, tx pg.Tx, maxBytes int64) (removed int64, err error) {
	tag, err := tx.Exec(ctx, `DELETE FROM profiles WHERE id IN (
		SELECT id FROM (SELECT id, sum(size) OVER (ORDER BY begun_at DESC, id DESC) AS upto FROM profiles) p WHERE upto > $1)`, maxBytes)
	if err != nil {
		return 0, fmt.Errorf("make room for profiles: %w", err)
	}
	return tag.RowsAffected(), nil
}

// OwnerOfProfile implements profile.Store.
func (s *Store) OwnerOfProfile(ctx context.Context, id string) (service string, err error) {
	err = s.db.Pool().QueryRow(ctx, `SELECT service FROM profiles WHERE id = $1`, id).Scan(&service)
	if pg.IsNoRows(err) {
		return "", profile.ErrUnknown
	}
	return service, err
}

// AppendProfile implements profile.Store.
func (s *Store) AppendProfile(ctx context.Context, id string, offset int64, data []byte) error {
	tag, err := s.db.Pool().Exec(ctx, `WITH room AS (
			UPDATE profiles SET stored = stored + $4, stored_at = now() WHERE id = $1 AND stored = $2 AND stored + $4 <= size AND NOT complete RETURNING id)
		INSERT INTO profile_chunks (profile_id, at, data) SELECT id, $2, $3 FROM room`, id, offset, data, int64(len(data)))
	if err != nil {
		return fmt.Errorf("store a chunk of profile %s: %w", id, err)
	}
	if tag.RowsAffected() == 0 {
		return profile.ErrOffset
	}
	return nil
}

// CompleteProfile implements profile.Store.
func (s *Store) CompleteProfile(ctx context.Context, id string) (p profile.Profile, complete, fresh bool, err error) {
	wrong := false
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		var stored int64
		var done bool
		err := tx.QueryRow(ctx, `SELECT stored, complete FROM profiles WHERE id = $1 FOR UPDATE`, id).Scan(&stored, &done)
		if pg.IsNoRows(err) {
			return profile.ErrUnknown
		}
		if err != nil {
			return err
		}
		if p, err = profileOf(ctx, tx, `id = $1`, id); err != nil {
			return err
		}
		if complete = done || stored == p.Size; done || !complete {
			return nil
		}
		sum := sha256.New()
		if err := writeChunks(ctx, tx, id, sum); err != nil {
			return err
		}
		if !bytes.Equal(sum.Sum(nil), p.SHA256) {
			wrong = true
			return clearProfile(ctx, tx, id)
		}
		fresh = true
		return completeProfile(ctx, tx, p)
	})
	switch {
	case err != nil:
		return p, false, false, fmt.Errorf("complete profile %s: %w", id, err)
	case wrong:
		return p, false, false, profile.ErrSum
	}
	return p, complete, fresh, nil
}

func clearProfile(ctx context.Context, tx pg.Tx, id string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM profile_chunks WHERE profile_id = $1`, id); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE profiles SET stored = 0 WHERE id = $1`, id)
	return err
}

func completeProfile(ctx context.Context, tx pg.Tx, p profile.Profile) error {
	if _, err := tx.Exec(ctx, `UPDATE profiles SET complete = true, stored_at = now() WHERE id = $1`, p.ID); err != nil {
		return err
	}
	return auditProfile(ctx, tx, p, p.Owner, p.OwnerName, "profile.captured")
}
