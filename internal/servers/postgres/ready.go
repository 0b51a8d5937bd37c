package postgres

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
)

// linePrefix makes every line of the server parseable (internal/foreign does): time, process, SQL state, user and database.
const linePrefix = "%m [%p] %e %q%u@%d "

// arguments configure the server for one machine of a developer. They are not written into the data
// folder: a new release's values then hold for old data too.
func (s *Server) arguments() []string {
	set := map[string]string{
		"listen_addresses": "127.0.0.1", "port": strconv.Itoa(s.port), "unix_socket_directories": "",
		"max_connections": strconv.Itoa(s.settings.MaxConnections), "shared_buffers": "128MB",
		"logging_collector": "off", "log_destination": "stderr", "log_line_prefix": linePrefix, "log_timezone": "UTC",
		"timezone": "UTC", "log_min_duration_statement": "1s", "log_parameter_max_length": "0", "log_checkpoints": "off",
		"password_encryption": "scram-sha-256", "wal_level": "replica", "max_wal_size": "512MB",
	}
	if s.settings.Disposable {
		// Commits still reach the kernel, so that kill -9 loses none.
		set["fsync"], set["full_page_writes"] = "off", "off"
	}
	if s.settings.Disposable && !s.settings.Roomy {
		set["shared_buffers"], set["max_wal_size"] = "32MB", "256MB"
	}
	args := []string{"-D", s.data()}
	for name, value := range set {
		args = append(args, "-c", name+"="+value)
	}
	return args
}

// awaitReady polls until a query is answered by this very server.
func (s *Server) awaitReady(ctx context.Context, p *guard.Process) error {
	config, err := pgx.ParseConfig(s.address("postgres"))
	if err != nil {
		return err
	}
	if err := p.Await(ctx, 15*time.Millisecond, func() error { return answers(ctx, config) }); err != nil {
		return err
	}
	return s.isOwn(p)
}

// isOwn: on a port that was taken, somebody else's server might have answered.
func (s *Server) isOwn(p *guard.Process) error {
	pid, err := filePID(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return err
	}
	if pid != p.PID() {
		return fmt.Errorf("%w: another server answers on port %d", guard.ErrEarly, s.port)
	}
	return nil
}

func answers(ctx context.Context, config *pgx.ConnConfig) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}
