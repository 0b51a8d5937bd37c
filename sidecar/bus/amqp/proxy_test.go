package amqp_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"
)

// proxy stands before the broker; it counts connects, cuts, refuses, and stalls.
type proxy struct {
	target   string
	listener net.Listener

	mu       sync.Mutex
	conns    map[net.Conn]struct{}
	connects []time.Time
	refuse   bool
	stalled  chan struct{} // nil: bytes pass
	running  sync.WaitGroup
}

// newProxy returns it and the broker's URL through it.
func newProxy(t *testing.T, to string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: u.Host, listener: l, conns: map[net.Conn]struct{}{}}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.stall(false)
		p.cut(true)
		p.running.Wait()
	})
	u.Host = l.Addr().String()
	return p, u.String()
}

func (p *proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		if !p.admit(in) {
			_ = in.Close()
			continue
		}
		out, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = in.Close()
			continue
		}
		p.keep(out)
		p.running.Go(func() { p.pipe(out, in) })
		p.running.Go(func() { p.pipe(in, out) })
	}
}

func (p *proxy) admit(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.connects = append(p.connects, time.Now())
	if p.refuse {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *proxy) keep(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = struct{}{}
}

func (p *proxy) pipe(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if stalled := p.wall(); stalled != nil {
			<-stalled
			return // what a black hole swallowed does not come back
		}
		if _, werr := to.Write(buffer[:n]); werr != nil || err == io.EOF || err != nil {
			return
		}
	}
}

func (p *proxy) wall() chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stalled
}

// cut ends all connections; refuse: and lets nobody in.
func (p *proxy) cut(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = refuse
	for c := range p.conns {
		_ = c.Close()
	}
	clear(p.conns)
}

func (p *proxy) admitAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = false
}

// stall swallows all bytes, and keeps the connections.
func (p *proxy) stall(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if on && p.stalled == nil {
		p.stalled = make(chan struct{})
	}
	if !on && p.stalled != nil {
		close(p.stalled)
		p.stalled = nil
	}
}

// busiest is the most connects in any second since from.
func (p *proxy) busiest(from time.Time) (most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, first := range p.connects {
		n := 0
		for _, c := range p.connects[i:] {
			if c.Sub(first) < time.Second && !first.Before(from) {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}
