package postgres

import (
	"context"
	"fmt"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// HTTPTarget says whose an open fire is, and which URL its schedule has now. timed.ErrOver: it is not open any more, or
// goes elsewhere.
func (s *Store) HTTPTarget(ctx context.Context, fireID string) (service, url string, err error) {
	var spec string
	err = s.db.Pool().QueryRow(ctx, `SELECT f.service, s.spec FROM fires f JOIN schedules s ON s.name = f.schedule
		WHERE f.id = $1 AND f.target = $2 AND f.state = ANY($3::text[])`, fireID, timed.TargetHTTP,
		[]string{string(api.Planned), string(api.Published), string(api.Received)}).Scan(&service, &spec)
	if pg.IsNoRows(err) {
		return "", "", timed.ErrOver
	}
	if err != nil {
		return "", "", fmt.Errorf("read where fire %s goes: %w", fireID, err)
	}
	return service, readSpec(spec).URL, nil
}
