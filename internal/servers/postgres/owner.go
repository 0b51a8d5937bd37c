package postgres

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
)

// Prove shows that the server which answers on our port is our own child, on our own data: what must be
// known before a fault is sent to it. The error names the first thing that does not fit.
func (s *Server) Prove(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.process.Running() {
		return guard.ErrEnded
	}
	return s.prove(ctx)
}

func (s *Server) prove(ctx context.Context) error {
	pid, err := filePID(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return fmt.Errorf("prove ownership: %w", err)
	}
	if pid != s.process.PID() {
		return fmt.Errorf("prove ownership: postmaster.pid names process %d, our child is %d", pid, s.process.PID())
	}
	onDisk, err := s.controlIdentifier(ctx)
	if err != nil {
		return fmt.Errorf("prove ownership: %w", err)
	}
	served, dir, err := s.servedIdentifier(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("prove ownership: %w", err)
	case served != onDisk:
		return fmt.Errorf("prove ownership: system %s answers, ours is %s", served, onDisk)
	case dir != s.data(): // copies of one template share their identifier
		return fmt.Errorf("prove ownership: the server that answers works in %s, ours in %s", dir, s.data())
	}
	return nil
}

var identifierLine = regexp.MustCompile(`Database system identifier:\s+(\d+)`)

func (s *Server) controlIdentifier(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "pg_controldata"), s.data())
	cmd.Env, cmd.SysProcAttr = environment(), as(s.who)
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("pg_controldata: %w", err)
	}
	found := identifierLine.FindSubmatch(out)
	if found == nil {
		return "", fmt.Errorf("pg_controldata names no system identifier")
	}
	return string(found[1]), nil
}

func (s *Server) servedIdentifier(ctx context.Context) (id, dir string, err error) {
	conn, err := pgx.Connect(ctx, s.address("postgres"))
	if err != nil {
		return "", "", err
	}
	defer func() { _ = conn.Close(ctx) }()
	err = conn.QueryRow(ctx, `select system_identifier::text, current_setting('data_directory') from pg_control_system()`).Scan(&id, &dir)
	return id, dir, err
}
