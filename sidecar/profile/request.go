package profile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

// The profiles that there are.
const (
	CPU       = "cpu"
	Heap      = "heap"      // of the moment, after a garbage collection
	Goroutine = "goroutine" // of the moment
	Block     = "block"     // where goroutines waited in that time
	Mutex     = "mutex"     // who made others wait in that time
	Trace     = "trace"     // the execution trace; Request.Before: of what was before the lease's end
)

// Kinds of profiles.
func Kinds() []string { return []string{CPU, Heap, Goroutine, Block, Mutex, Trace} }

// Bounds of one capture.
const (
	MaxTime     = 5 * time.Minute
	MaxSize     = 64 << 20 // bytes
	DefaultTime = 10 * time.Second
)

// Request is what a lease asks for.
type Request struct {
	Kind string
	For  time.Duration
	// Before, of a trace: the flight recorder runs while the lease holds, and what it has of the last For is kept when
	// the lease ends. Whoever sees what he waited for drops it.
	Before bool
}

// Parse reads the value of a lease, {"profile":"cpu","seconds":10}, or {"profile":"trace","seconds":10,"before":true}.
func Parse(value string) (Request, error) {
	var in struct {
		Profile string  `json:"profile"`
		Seconds float64 `json:"seconds"`
		Before  bool    `json:"before"`
	}
	in.Seconds = DefaultTime.Seconds()
	if err := lease.Decode(value, &in); err != nil {
		return Request{}, fmt.Errorf(`a profile is {"profile":"cpu","seconds":10}: %w`, err)
	}
	switch {
	case !slices.Contains(Kinds(), in.Profile):
		return Request{}, fmt.Errorf("there is no profile %.40q: take one of %s", in.Profile, strings.Join(Kinds(), ", "))
	case !(in.Seconds > 0 && in.Seconds <= MaxTime.Seconds()):
		return Request{}, fmt.Errorf("a profile takes more than 0 and up to %d seconds", int(MaxTime.Seconds()))
	case in.Before && in.Profile != Trace:
		return Request{}, errors.New("only a trace can be of what was before")
	}
	return Request{Kind: in.Profile, For: time.Duration(in.Seconds * float64(time.Second)), Before: in.Before}, nil
}

// momentary profiles take no time.
func (r Request) momentary() bool { return r.Kind == Heap || r.Kind == Goroutine }
