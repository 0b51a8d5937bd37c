package debug

import (
	"context"
	"sync/atomic"
	"time"
	"unsafe"
)

// mostStrangers bounds the contexts that are remembered, each in a slot by its address.
const mostStrangers = 256

// strangers remembers contexts that belong to no flow: to find that out is a walk past all of their values, and a request
// that logs does so more than once. A context is known by its address, and is held for as long as it is remembered, so that
// no other can have that address meanwhile; hence nothing is remembered but while a flow is under way. Only contexts of the
// standard library's types are, which stay in the flow that they were made in; what others return may be used again. Safe
// for concurrent use, lock-free, 0 allocations.
type strangers struct {
	lasting [3]uintptr                    // words of the types
	known   [mostStrangers]atomic.Uintptr // addresses; 0: none, busy: it is being changed
	held    [mostStrangers]any            // contexts
}

const busy = 1 // is no address

// words of ctx: its type, and the address of what it points to; 0 of nil. They are compared, and never used as pointers.
func words(ctx context.Context) *[2]uintptr { return (*[2]uintptr)(unsafe.Pointer(&ctx)) }

func newStrangers() strangers {
	value := context.WithValue(context.Background(), flowKey{}, nil)
	cancelled, cancel := context.WithCancel(value)
	cancel()
	timed, cancel := context.WithDeadline(value, time.Now().Add(time.Hour))
	cancel()
	return strangers{lasting: [...]uintptr{words(value)[0], words(cancelled)[0], words(timed)[0]}}
}

func slotOf(at uintptr) uintptr { return (at>>4 ^ at>>12) % mostStrangers }

// knows says that ctx is remembered, or nil.
func (s *strangers) knows(ctx context.Context) bool {
	at := words(ctx)[1]
	return s.known[slotOf(at)].Load() == at
}

// add remembers ctx in place of another.
func (s *strangers) add(ctx context.Context) {
	w := words(ctx)
	if t := w[0]; t == s.lasting[0] || t == s.lasting[1] || t == s.lasting[2] {
		s.swap(ctx, slotOf(w[1]), w[1])
	}
}

// swap changes a slot that nobody else is changing. Its address is there only while its context is held.
func (s *strangers) swap(held any, slot, at uintptr) {
	known := &s.known[slot]
	if was := known.Load(); was != busy && was != at && known.CompareAndSwap(was, busy) {
		s.held[slot] = held
		known.Store(at)
	}
}

// forget empties the slot of ctx.
func (s *strangers) forget(ctx context.Context) { s.swap(nil, slotOf(words(ctx)[1]), 0) }

// clear empties all slots.
func (s *strangers) clear() {
	for slot := range s.known {
		s.swap(nil, uintptr(slot), 0)
	}
}
