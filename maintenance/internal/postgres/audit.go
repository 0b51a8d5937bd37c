package postgres

import (
	"context"
	"fmt"
)

// VerifyAudit goes along the chain of the audit's rows. broken is the first row that is not what was written, or that
// follows one that is missing; 0 when every row is as it was.
func (s *Store) VerifyAudit(ctx context.Context) (checked, broken int64, err error) {
	err = s.db.Pool().QueryRow(ctx, `SELECT checked, coalesce(broken, 0) FROM audit_verify()`).Scan(&checked, &broken)
	if err != nil {
		return 0, 0, fmt.Errorf("verify the audit: %w", err)
	}
	return checked, broken, nil
}
