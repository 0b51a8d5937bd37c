package up

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/house"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
)

// split runs each instance as a child process under guard: `signalbox run NAME`. A child that dies is started again,
// on its own addresses.
type split struct {
	m        *meshup
	children []*child
	failure  chan error
	ctx      context.Context
	cancel   context.CancelFunc
	watching sync.WaitGroup
}

// child is one instance. mu guards process.
type child struct {
	service, instance  string
	address, ops, priv string

	said lastLine // on its stderr

	mu      sync.Mutex
	process *guard.Process
}

// misused is how a child ends whose settings cannot work; starting it again would not mend them.
const misused = "exit status 2"

func newSplit(m *meshup) *split {
	s := &split{m: m, failure: make(chan error, 64)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// start chooses every address first, so that all children know all others, then starts them in order.
func (s *split) start(ctx context.Context, m *meshup) error {
	if err := s.plan(m); err != nil {
		return err
	}
	for _, c := range s.children {
		if err := s.launch(ctx, c); err != nil {
			return err
		}
		s.watching.Go(func() { s.watch(c) })
	}
	return nil
}

// plan gives every instance its addresses. The ports are held until all are chosen, so that they differ.
func (s *split) plan(m *meshup) error {
	var free ports
	defer free.release()
	for _, e := range house.Entries() {
		var peer peers.Peer
		for i := range max(1, m.options.Replicas[e.Name]) {
			c, err := s.place(&free, e.Name, i+1)
			if err != nil {
				return err
			}
			s.children = append(s.children, c)
			peer.HTTP, peer.RPC = append(peer.HTTP, c.address), append(peer.RPC, c.priv)
		}
		m.book.Set(e.Name, peer)
	}
	return nil
}

func (s *split) place(free *ports, service string, n int) (c *child, err error) {
	c = &child{service: service, instance: fmt.Sprintf("%s-%d", service, n)}
	if c.ops, err = free.take(); err != nil {
		return nil, err
	}
	if c.priv, err = free.take(); err != nil {
		return nil, err
	}
	c.address = c.ops
	if service == "gateway" {
		c.address, s.m.apiAddr = s.m.options.Listen, s.m.options.Listen
	}
	return c, nil
}

// ports are free ones on loopback, held so that nobody else gets them meanwhile.
type ports struct{ held []net.Listener }

func (p *ports) take() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	p.held = append(p.held, ln)
	return ln.Addr().String(), nil
}

func (p *ports) release() {
	for _, ln := range p.held {
		_ = ln.Close() // it was only asked for its number
	}
}

func (s *split) launch(ctx context.Context, c *child) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the own binary: %w", err)
	}
	p, err := guard.Start(ctx, guard.Command{
		Name: c.instance, Path: self, Args: []string{"run", c.service}, Env: s.environ(c),
		StopSignal: syscall.SIGTERM, Grace: stopLimit / 2, Stdout: s.m.stderr, Stderr: io.MultiWriter(&c.said, s.m.stderr),
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.process = p
	return nil
}

func (s *split) environ(c *child) []string {
	vars := variables{}
	vars.set(c.service, "INSTANCE", c.instance)
	vars.set(c.service, "HTTP_ADDR", c.address)
	vars.set(c.service, "RPC_ADDR", c.priv)
	vars.set(c.service, "PEERS", peers.Format(s.m.book.All()))
	vars.set(c.service, "AMQP_URL", s.m.servers.amqpURL)
	if c.ops != c.address {
		vars.set(c.service, "OPS_ADDR", c.ops)
	}
	env := s.m.environ
	for name, value := range vars {
		env = append(env[:len(env):len(env)], name+"="+value)
	}
	return env
}

// watch starts a dead child again, until the mesh stops.
func (s *split) watch(c *child) {
	for {
		c.mu.Lock()
		p := c.process
		c.mu.Unlock()
		select {
		case <-s.ctx.Done():
			return
		case <-p.Done():
		}
		if s.ctx.Err() != nil {
			return
		}
		if err := p.Err(); err != nil && strings.Contains(err.Error(), misused) {
			s.failure <- fmt.Errorf("%s: %s", c.instance, c.said.String())
			return
		}
		s.m.progress.printf("  ! %s ended (%v), it starts again\n", c.instance, p.Err())
		if !s.again(c) {
			return
		}
	}
}

func (s *split) again(c *child) bool {
	for {
		select {
		case <-s.ctx.Done():
			return false
		case <-time.After(300 * time.Millisecond):
		}
		if err := s.launch(s.ctx, c); err == nil {
			return true
		} else if s.ctx.Err() == nil {
			s.m.progress.printf("  ! %s: %v\n", c.instance, err)
		}
	}
}

func (s *split) instances() []Instance {
	var all []Instance
	for _, c := range s.children {
		c.mu.Lock()
		if c.process != nil {
			all = append(all, Instance{Service: c.service, Instance: c.instance, Address: c.ops, Private: c.priv, PID: c.process.PID()})
		}
		c.mu.Unlock()
	}
	return all
}

func (s *split) failed() <-chan error { return s.failure }

// stop ends the children in reverse order, service by service.
func (s *split) stop(ctx context.Context) error {
	s.cancel()
	s.watching.Wait()
	var errs []error
	for i := len(s.children) - 1; i >= 0; i-- {
		c := s.children[i]
		if c.process == nil {
			continue
		}
		if err := c.process.Stop(ctx); err != nil && !strings.Contains(err.Error(), guard.ErrEnded.Error()) {
			errs = append(errs, fmt.Errorf("stop %s: %w", c.instance, err))
		}
	}
	return errors.Join(errs...)
}
