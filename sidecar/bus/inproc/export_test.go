package inproc

import "errors"

// Crash ends the broker as kill -9 does: nothing is written or removed any more, and the folder is free.
func (b *Broker) Crash() error {
	b.store.Refuse(func(string) error { return errDead })
	return b.Close()
}

var errDead = errors.New("the process is dead")

// Refuse makes every write and removal go through f first.
func (s *store) Refuse(f func(path string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = f
}

// RefuseWrites puts the disk's own error before every write; nil: the disk is well again.
func (b *Broker) RefuseWrites(err error) {
	b.store.Refuse(func(string) error { return err })
}
