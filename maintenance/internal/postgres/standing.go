package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
)

// Standing is what holds in the mesh now.
type Standing struct {
	Leases map[string]int           // in force, by kind
	Oldest map[string]time.Duration // how long ago the oldest of them was set, by kind
	Drift  map[string]int           // live instances that differ from what is desired, by service; services with a live one are all there

	Waiting int // events that are not published yet
}

// Standing counts leases and differences.
func (s *Store) Standing(ctx context.Context) (Standing, error) {
	now := Standing{Leases: map[string]int{}, Oldest: map[string]time.Duration{}, Drift: map[string]int{}}
	sql, args := `SELECT 'lease', kind, count(*), extract(epoch FROM now() - min(created_at))::float8 FROM leases WHERE `+holds+` GROUP BY kind
		UNION ALL SELECT 'drift', service, count(*) FILTER (WHERE drift <> '[]'), 0 FROM instances
			WHERE NOT stopping AND heard_at > now() - make_interval(secs => $1) GROUP BY service`, []any{fleet.Lost.Seconds()}
	if s.events != nil {
		sql, args = sql+` UNION ALL SELECT 'waiting', '', count(*), 0 FROM outbox WHERE published_at IS NULL AND id >= $2`, append(args, s.events.Floor())
	}
	rows, err := s.db.Pool().Query(ctx, sql, args...)
	if err != nil {
		return now, fmt.Errorf("count what holds: %w", err)
	}
	var what, name string
	var n int
	var age float64
	_, err = pgx.ForEachRow(rows, []any{&what, &name, &n, &age}, func() error {
		switch what {
		case "drift":
			now.Drift[name] = n
			return nil
		case "waiting":
			now.Waiting = n
			return nil
		}
		now.Leases[name], now.Oldest[name] = n, time.Duration(age*float64(time.Second))
		return nil
	})
	if err != nil {
		return now, fmt.Errorf("count what holds: %w", err)
	}
	return now, nil
}
