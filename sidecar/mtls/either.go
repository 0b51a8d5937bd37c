package mtls

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"
)

// firstByte is how long a connection may take to say its first byte; none means that nobody wants anything.
const firstByte = 5 * time.Second

// handshake is the first byte of TLS, and of nothing that is HTTP.
const handshake = 0x16

// Either is a port that is spoken to over TLS and plainly, as the other end wishes: probes, Prometheus and a proxy before
// it need no certificates, services have theirs. Connections over TLS are *tls.Conn, of Public.
func (s *Store) Either(ln net.Listener) net.Listener {
	return &either{Listener: ln, config: s.Public(), told: make(chan net.Conn), failed: make(chan error), done: make(chan struct{}), open: map[net.Conn]bool{}}
}

// either tells connections apart beside Accept, so that one that is silent keeps none from it.
type either struct {
	net.Listener
	config *tls.Config
	told   chan net.Conn
	failed chan error
	done   chan struct{}
	begin  sync.Once
	end    sync.Once

	mu   sync.Mutex
	open map[net.Conn]bool // whose first byte is waited for
}

// Accept implements net.Listener.
func (e *either) Accept() (net.Conn, error) {
	e.begin.Do(func() { go e.accept() })
	select {
	case conn := <-e.told:
		return conn, nil
	case err := <-e.failed:
		return nil, err
	case <-e.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. Connections that were accepted stay.
func (e *either) Close() error {
	e.end.Do(func() { close(e.done) })
	err := e.Listener.Close()
	e.mu.Lock()
	defer e.mu.Unlock()
	for conn := range e.open {
		_ = conn.Close()
	}
	return err
}

func (e *either) accept() {
	for {
		conn, err := e.Listener.Accept()
		if err == nil {
			go e.tell(conn)
			continue
		}
		select {
		case e.failed <- err: // whoever serves decides whether to go on
		case <-e.done:
			return
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

func (e *either) tell(conn net.Conn) {
	if !e.wait(conn) {
		_ = conn.Close()
		return
	}
	first := make([]byte, 1)
	_ = conn.SetReadDeadline(time.Now().Add(firstByte))
	_, err := conn.Read(first)
	_ = conn.SetReadDeadline(time.Time{})
	e.forget(conn)
	if err != nil {
		_ = conn.Close()
		return
	}
	var next net.Conn = &begun{Conn: conn, first: first}
	if first[0] == handshake {
		next = tls.Server(next, e.config)
	}
	select {
	case e.told <- next:
	case <-e.done:
		_ = conn.Close()
	}
}

// wait notes a connection; false after Close.
func (e *either) wait(conn net.Conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case <-e.done:
		return false
	default:
		e.open[conn] = true
		return true
	}
}

func (e *either) forget(conn net.Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.open, conn)
}

// begun is a connection whose first byte was read already. Read is called by one goroutine at a time.
type begun struct {
	net.Conn
	first []byte
}

func (b *begun) Read(p []byte) (int, error) {
	if len(b.first) == 0 || len(p) == 0 {
		return b.Conn.Read(p)
	}
	n := copy(p, b.first)
	b.first = b.first[n:]
	return n, nil
}
