package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/topology"
)

// Mesh is what all instances have said last of themselves and of what they talk with; those that ended in good order are
// left out, and those not heard for an hour.
func (s *Store) Mesh(ctx context.Context) ([]topology.Instance, error) {
	rows, err := s.db.Pool().Query(ctx, `SELECT service, instance, version, epoch, health, checks, heard_at, edges, edges_before, edges_before_at,
		heard_at < now() - make_interval(secs => $1) FROM instances
		WHERE NOT stopping AND heard_at > now() - interval '1 hour' ORDER BY service, instance LIMIT 10000`, fleet.Lost.Seconds())
	if err != nil {
		return nil, fmt.Errorf("read the mesh: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (topology.Instance, error) {
		i := topology.Instance{State: topology.Live}
		var before *[]topology.Edge
		var beforeAt *time.Time
		var lost bool
		err := row.Scan(&i.Service, &i.Instance, &i.Version, &i.Epoch, &i.Health, &i.Checks, &i.HeardAt, &i.Now.Edges, &before, &beforeAt, &lost)
		i.Now.At = i.HeardAt
		if before != nil && beforeAt != nil {
			i.Before = topology.Snapshot{At: *beforeAt, Edges: *before}
		}
		if lost {
			i.State = topology.Lost
		}
		return i, err
	})
}
