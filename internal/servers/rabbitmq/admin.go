package rabbitmq

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
)

// vhostName keeps names harmless inside an Erlang expression.
var vhostName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,100}$`)

// CreateVhost makes a vhost, and the node's user its owner. One that exists already is fine. Its URL is
// VhostURL's.
func (s *Server) CreateVhost(ctx context.Context, name string) error {
	return s.vhost(ctx, name, `V = <<"%[1]s">>, U = <<"%[2]s">>, A = <<".*">>,
		case rabbit_vhost:exists(V) of true -> ok; false -> ok = rabbit_vhost:add(V, U) end,
		ok = rabbit_auth_backend_internal:set_permissions(U, V, A, A, A, U).`)
}

// DeleteVhost deletes a vhost with its queues and messages, and closes its connections. One that does
// not exist is fine.
func (s *Server) DeleteVhost(ctx context.Context, name string) error {
	return s.vhost(ctx, name, `V = <<"%[1]s">>, U = <<"%[2]s">>,
		case rabbit_vhost:exists(V) of true -> ok = rabbit_vhost:delete(V, U); false -> ok end.`)
}

func (s *Server) vhost(ctx context.Context, name, expression string) error {
	if !vhostName.MatchString(name) {
		return fmt.Errorf("vhost %q: letters, digits, underscore, point and hyphen only", name)
	}
	answer, err := s.Eval(ctx, fmt.Sprintf(expression, name, User))
	if err != nil {
		return fmt.Errorf("vhost %q: %w", name, err)
	}
	if answer != "ok" {
		return fmt.Errorf("vhost %q: the node answers %s", name, answer)
	}
	return nil
}

// Eval runs an Erlang expression (ending with a full stop) in the node and returns the answer as text.
func (s *Server) Eval(ctx context.Context, expression string) (string, error) {
	if s.programs.call == "" {
		return s.tool(ctx, "", s.programs.ctl, "-q", "eval", expression)
	}
	// The caller is a node itself, of a fixed name unless told otherwise; the second of two that call at once would be refused.
	self := "call" + strings.ToLower(rand.Text())
	answer, err := s.tool(ctx, expression+"\n", s.programs.call, "-sname", s.identity.node, "-h", self, "-timeout", "30", "-e")
	if err != nil {
		return "", err
	}
	value, ok := strings.CutPrefix(answer, "{ok, ")
	if !ok {
		return "", errors.New(answer)
	}
	return strings.TrimSuffix(value, "}"), nil
}

// tool runs one of Erlang's programs as the node's user, with its cookie and port mapper.
func (s *Server) tool(ctx context.Context, input, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env, cmd.Dir, cmd.SysProcAttr = s.environment(), s.dir, as(s.who)
	cmd.Stdin = strings.NewReader(input)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("ask the node: %w: %s; its last lines%s", errors.Join(ctx.Err(), err), strings.TrimSpace(stderr.String()+stdout.String()), s.said.Load())
	}
	return strings.TrimSpace(stdout.String()), nil
}

func as(who *guard.Credential) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if who != nil {
		attr.Credential = &syscall.Credential{Uid: who.UID, Gid: who.GID}
	}
	return attr
}

// Prove shows that the node which answers under our name, with our cookie, is our own child: what must be
// known before a fault is sent to it.
func (s *Server) Prove(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.node.Running() {
		return guard.ErrEnded
	}
	return s.prove(ctx)
}

func (s *Server) prove(ctx context.Context) error {
	answer, err := s.Eval(ctx, `list_to_integer(os:getpid()).`)
	if err != nil {
		return fmt.Errorf("prove ownership: %w", err)
	}
	if pid, err := strconv.Atoi(answer); err != nil || pid != s.node.PID() {
		return fmt.Errorf("prove ownership: process %q answers, our child is %d", answer, s.node.PID())
	}
	return nil
}
