package httpapi

import (
	"context"
	"time"
)

// InstanceDetail is an instance with its past.
type InstanceDetail struct {
	Instance Instance      `json:"instance"`
	Samples  []Sample      `json:"samples" doc:"of the last hour, two a minute, oldest first"`
	History  []CheckChange `json:"history" doc:"of the last seven days, at most 100 of each check, oldest first"`
}

// Sample is what an instance took at a time.
type Sample struct {
	At          time.Time `json:"at"`
	MemoryBytes uint64    `json:"memory_bytes" doc:"resident; 0: the machine does not say"`
	HeapBytes   uint64    `json:"heap_bytes"`
	Goroutines  uint64    `json:"goroutines"`
	CPUSeconds  float64   `json:"cpu_seconds" doc:"since the process started; less than before: it started anew"`
}

// CheckChange of the status of a check, or of the whole instance.
type CheckChange struct {
	Check string    `json:"check" doc:"empty: the instance itself"`
	From  string    `json:"from" doc:"empty: nothing was known, or the instance started anew; equal to what follows: it had changed, and back, between two reports"`
	To    string    `json:"to" doc:"up, degraded, down …; of the instance itself also lost, from when it was last heard, and stopped"`
	Error string    `json:"error,omitempty"`
	At    time.Time `json:"at"`
}

type instanceIn struct {
	Instance string `path:"instance" maxLength:"256"`
	Service  string `query:"service" maxLength:"256" doc:"where several services have an instance of this name"`
}

type instanceOut struct{ Body InstanceDetail }

func (h *Handlers) showInstance(ctx context.Context, in *instanceIn) (*instanceOut, error) {
	s := scope(ctx)
	if in.Service != "" {
		s = narrow(s, []string{in.Service})
	}
	d, err := h.settings.Fleet.Instance(ctx, s, in.Instance)
	if err != nil {
		return nil, h.failed(err)
	}
	out := &instanceOut{InstanceDetail{Instance: showInstance(d.Instance), Samples: make([]Sample, len(d.Samples)), History: make([]CheckChange, len(d.Changes))}}
	for i, one := range d.Samples {
		out.Body.Samples[i] = Sample{At: one.At.UTC(), MemoryBytes: one.Resident, HeapBytes: one.Heap, Goroutines: one.Goroutines, CPUSeconds: one.CPU}
	}
	for i, c := range d.Changes {
		out.Body.History[i] = CheckChange{Check: c.Check, From: c.From, To: c.To, Error: c.Error, At: c.At.UTC()}
	}
	return out, nil
}
