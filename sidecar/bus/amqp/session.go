package amqp

import (
	"errors"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// closeTimeout bounds the closing handshake: a broker that blocks its publishers does not read it.
const closeTimeout = time.Second

// answerTimeout is how long a living broker may take to open a channel.
const answerTimeout = 800 * time.Millisecond

// session is the life of one connection.
type session struct {
	bus  *Bus
	conn *amqp091.Connection
	raw  *socket
	gate *gate
	out  *publisher // what Publish sends
	back *publisher // retries and parked messages: never behind a flood of Publish
	thin *publisher // what needs no confirm

	dead  chan struct{} // closed when the connection is
	mu    sync.Mutex
	fault error

	probe    sync.Mutex
	answered time.Time // by a probe
}

func newSession(b *Bus, conn *amqp091.Connection, raw *socket) *session {
	s := &session{bus: b, conn: conn, raw: raw, gate: newGate(), dead: make(chan struct{})}
	closed := conn.NotifyClose(make(chan *amqp091.Error, 1))
	blocked := conn.NotifyBlocked(make(chan amqp091.Blocking, 8))
	b.running.Go(func() { s.watch(closed) })
	b.running.Go(func() { s.watchGate(blocked) })
	return s
}

func (s *session) watch(closed <-chan *amqp091.Error) {
	if err := <-closed; err != nil {
		s.blame(err)
	}
	s.blame(errors.New("connection closed"))
	close(s.dead)
}

// watchGate must always read: the library's reader waits for it.
func (s *session) watchGate(blocked <-chan amqp091.Blocking) {
	for b := range blocked {
		if b.Active {
			s.gate.shut(b.Reason)
			s.bus.flow.Metrics.Blocked.Set(1)
			continue
		}
		s.gate.open()
		s.bus.flow.Metrics.Blocked.Set(0)
	}
}

func (s *session) open(delays []time.Duration) error {
	if err := s.declare(delays); err != nil {
		return err
	}
	var err error
	if s.out, err = newPublisher(s, true); err != nil {
		return err
	}
	if s.back, err = newPublisher(s, true); err != nil {
		return err
	}
	s.thin, err = newPublisher(s, false)
	return err
}

// blame keeps the first cause of the session's end.
func (s *session) blame(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault == nil {
		s.fault = err
	}
}

func (s *session) cause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}

// kill ends a connection that can no longer be trusted, without asking the broker.
func (s *session) kill(cause error) {
	s.blame(cause)
	_ = s.raw.Close() // the reader sees it and tells everybody
}

// answers asks the broker for something small, at most once a second for all who want to know.
func (s *session) answers() bool {
	s.probe.Lock()
	defer s.probe.Unlock()
	if time.Since(s.answered) < answerTimeout {
		return true
	}
	done := make(chan error, 1)
	go func() { done <- s.ask() }()
	timer := time.NewTimer(answerTimeout)
	defer timer.Stop()
	select {
	case err := <-done:
		s.answered = time.Now()
		return err == nil
	case <-timer.C:
		return false
	}
}

func (s *session) ask() error {
	ch, err := s.conn.Channel()
	if err != nil {
		return err
	}
	return ch.Close()
}

// close says good-bye for at most closeTimeout.
func (s *session) close() {
	_ = s.conn.CloseDeadline(time.Now().Add(closeTimeout)) // closed either way
	_ = s.raw.Close()
	<-s.dead
}

func (s *session) isDead() bool {
	select {
	case <-s.dead:
		return true
	default:
		return false
	}
}
