package postgres

import (
	"context"
	"fmt"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// HTTPTarget says whose a fire is that is to be sent, and which URL its schedule has now. One that counts as done before it
// is completed is sent all the same. timed.ErrOver: it has ended, or goes elsewhere.
func (s *Store) HTTPTarget(ctx context.Context, fireID string) (service, url string, err error) {
	var spec string
	err = s.db.Pool().QueryRow(ctx, `SELECT f.service, s.spec FROM fires f JOIN schedules s ON s.name = f.schedule
		WHERE f.id = $1 AND f.target = $2 AND (f.state = ANY($3::text[]) OR f.state = 'done' AND f.done_when <> 'completed')`, fireID, timed.TargetHTTP,
		[]string{string(api.Planned), string(api.Published), string(api.Received)}).Scan(&service, &spec)
	if pg.IsNoRows(err) {
		return "", "", timed.ErrOver
	}
	if err != nil {
		return "", "", fmt.Errorf("read where fire %s goes: %w", fireID, err)
	}
	return service, readSpec(spec).URL, nil
}
