package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// ended is what a sidecar says, in a line of its own logger <service>.logging, of an earlier run that was not stopped
// cleanly and whose spool it has shipped: that run's last sequences. So its tail is known, and is no gap.
type ended struct {
	Instance string            `json:"ended_instance"`
	Epoch    string            `json:"ended_epoch"`
	LastSeq  map[string]uint64 `json:"last_seq"`
}

const recoverySuffix = ".logging"

// readEnded finds such a line; only a service speaks for its own runs.
func readEnded(r *record.Record) (e ended, ok bool) {
	if service, found := strings.CutSuffix(r.Logger, recoverySuffix); !found || service != r.Service {
		return e, false
	}
	err := json.Unmarshal(r.Attrs, &e)
	return e, err == nil && e.Instance != "" && e.Epoch != "" && len(e.LastSeq) > 0 && len(e.LastSeq) <= 16
}

// closeEnded closes the ledgers of runs that the records tell the end of.
func closeEnded(ctx context.Context, tx pg.Tx, all []*record.Record) error {
	batch := &pgx.Batch{}
	for _, r := range all {
		e, ok := readEnded(r)
		if !ok {
			continue
		}
		for _, class := range slices.Sorted(maps.Keys(e.LastSeq)) { // the order in which all lock them
			seq := e.LastSeq[class]
			batch.Queue(`INSERT INTO ledger AS old (service, instance, epoch, class, issued, closed) VALUES ($1, $2, $3, $4, $5, true)
				ON CONFLICT (service, instance, epoch, class) DO UPDATE SET issued = greatest(old.issued, excluded.issued), closed = true`,
				r.Service, e.Instance, e.Epoch, class, int64(min(seq, 1<<62)))
		}
	}
	if batch.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("close the ledgers of ended runs: %w", err)
	}
	return nil
}
