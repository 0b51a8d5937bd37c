package profile

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"time"

	"github.com/google/pprof/profile"
)

// What is sampled while a capture runs.
const (
	blockEvery     = 10 * time.Microsecond // of waiting, on average one event
	mutexEvery     = 10                    // contentions, on average one
	recorderMemory = 16 << 20              // bytes of the flight recorder, about
)

// start begins what the request asks for, into w. end finishes it, and what was switched on is as it was before; it is
// called once.
func (r *Runtime) start(q Request, w io.Writer) (end func() error, err error) {
	switch {
	case q.Kind == CPU:
		if err := pprof.StartCPUProfile(w); err != nil {
			return nil, fmt.Errorf("start the CPU profile: %w", err)
		}
		return func() error { pprof.StopCPUProfile(); return nil }, nil
	case q.Kind == Trace && q.Before:
		return record(q, w)
	case q.Kind == Trace:
		if err := trace.Start(w); err != nil {
			return nil, fmt.Errorf("start the trace: %w", err)
		}
		return func() error { trace.Stop(); return nil }, nil
	case q.Kind == Block:
		return during(Block, w, func() (off func()) {
			runtime.SetBlockProfileRate(int(blockEvery))
			return func() { runtime.SetBlockProfileRate(r.blockRate) }
		})
	case q.Kind == Mutex:
		return during(Mutex, w, func() (off func()) {
			before := runtime.SetMutexProfileFraction(mutexEvery)
			return func() { runtime.SetMutexProfileFraction(before) }
		})
	default:
		return func() error { return moment(q.Kind, w) }, nil
	}
}

// record keeps the last while in memory, and writes that at the end.
func record(q Request, w io.Writer) (end func() error, err error) {
	recorder := trace.NewFlightRecorder(trace.FlightRecorderConfig{MinAge: q.For, MaxBytes: recorderMemory})
	if err := recorder.Start(); err != nil {
		return nil, fmt.Errorf("start the flight recorder: %w", err)
	}
	return func() error {
		defer recorder.Stop()
		if _, err := recorder.WriteTo(w); err != nil {
			return fmt.Errorf("write what the flight recorder has: %w", err)
		}
		return nil
	}, nil
}

// moment writes a profile as it is now.
func moment(name string, w io.Writer) error {
	if name == Heap {
		runtime.GC() // what is unreachable is no news
	}
	return pprof.Lookup(name).WriteTo(w, 0)
}

// during switches sampling on until end, and writes what has come in between: Go's own count begins with the process.
func during(name string, w io.Writer, on func() (off func())) (end func() error, err error) {
	before, err := snapshot(name)
	if err != nil {
		return nil, err
	}
	began, off := time.Now(), on()
	return func() error {
		off()
		after, err := snapshot(name)
		if err != nil {
			return err
		}
		before.Scale(-1)
		delta, err := profile.Merge([]*profile.Profile{before, after})
		if err != nil {
			return fmt.Errorf("take the %s profile's difference: %w", name, err)
		}
		delta.TimeNanos, delta.DurationNanos = began.UnixNano(), int64(time.Since(began))
		return delta.Write(w)
	}, nil
}

func snapshot(name string) (*profile.Profile, error) {
	var b bytes.Buffer
	if err := pprof.Lookup(name).WriteTo(&b, 0); err != nil {
		return nil, fmt.Errorf("read the %s profile: %w", name, err)
	}
	p, err := profile.ParseData(b.Bytes())
	if err != nil {
		return nil, fmt.Errorf("read the %s profile: %w", name, err)
	}
	return p, nil
}
