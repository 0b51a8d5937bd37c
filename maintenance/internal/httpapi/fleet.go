package httpapi

import (
	"context"
	"encoding/json"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
)

// Instance as the API shows it.
type Instance struct {
	Service     string          `json:"service"`
	Instance    string          `json:"instance"`
	State       string          `json:"state" enum:"live,lost,stopped"`
	Address     string          `json:"address" doc:"host:port of the public port"`
	Private     string          `json:"private" doc:"host:port of the private port"`
	Version     string          `json:"version"`
	Environment string          `json:"environment"`
	Epoch       string          `json:"epoch"`
	PID         int64           `json:"pid"`
	Health      string          `json:"health" doc:"as it last said"`
	Level       string          `json:"level" doc:"effective level of the root logger"`
	StartedAt   *time.Time      `json:"started_at,omitempty"`
	HeardAt     time.Time       `json:"heard_at"`
	Revision    int64           `json:"revision" doc:"of the leases, applied there"`
	Checks      json.RawMessage `json:"checks"`
	Loggers     json.RawMessage `json:"loggers"`
	Leases      json.RawMessage `json:"leases" doc:"applied there"`
	Drift       []Difference    `json:"drift" doc:"of a live one: what is not as it should be"`
	Usage       *Usage          `json:"usage,omitempty" doc:"what its process took when it last reported; none: it does not say"`
}

// Usage is what an instance's process takes of its machine.
type Usage struct {
	MemoryBytes uint64  `json:"memory_bytes" doc:"resident; 0: the machine does not say"`
	HeapBytes   uint64  `json:"heap_bytes" doc:"of it in use by Go's objects"`
	Goroutines  uint64  `json:"goroutines"`
	CPUSeconds  float64 `json:"cpu_seconds" doc:"of all cores, since the process started"`
	Process     string  `json:"process,omitempty" doc:"host and process id; instances of the same name here share a process, and each says the same"`
}

// Difference between what is desired of an instance and what it says is so.
type Difference struct {
	What  string    `json:"what" doc:"level, level <logger>, sampling, settings"`
	Want  string    `json:"want"`
	Have  string    `json:"have"`
	Since time.Time `json:"since"`
}

type instancesIn struct {
	Service string `query:"service" maxLength:"256"`
}

type instancesOut struct {
	Body struct {
		Instances []Instance `json:"instances"`
	}
}

func (h *Handlers) listInstances(ctx context.Context, in *instancesIn) (*instancesOut, error) {
	s := scope(ctx)
	if in.Service != "" {
		s = narrow(s, []string{in.Service})
	}
	all, err := h.settings.Fleet.Instances(ctx, s)
	if err != nil {
		return nil, h.failed(err)
	}
	out := &instancesOut{}
	out.Body.Instances = make([]Instance, len(all))
	for i, one := range all {
		out.Body.Instances[i] = showInstance(one)
	}
	return out, nil
}

func showInstance(i fleet.Instance) Instance {
	drift := make([]Difference, len(i.Drift))
	for n, d := range i.Drift {
		drift[n] = Difference(d)
	}
	return Instance{Drift: drift, Usage: showUsage(i.Usage), Service: i.Service, Instance: i.Instance, State: string(i.State), Address: i.PublicAddress, Private: i.PrivateAddress,
		Version: i.Version, Environment: i.Environment, Epoch: i.Epoch, PID: i.PID, Health: i.Health, Level: rootLevel(i.Loggers),
		StartedAt: i.StartedAt, HeardAt: i.HeardAt.UTC(), Revision: i.Revision, Checks: i.Checks, Loggers: i.Loggers, Leases: i.Applied}
}

func showUsage(u *fleet.Usage) *Usage {
	if u == nil {
		return nil
	}
	return &Usage{MemoryBytes: u.Resident, HeapBytes: u.Heap, Goroutines: u.Goroutines, CPUSeconds: u.CPU, Process: u.Process}
}

func rootLevel(loggers json.RawMessage) string {
	var all []struct {
		Name      string `json:"name"`
		Effective string `json:"effective"`
	}
	if json.Unmarshal(loggers, &all) != nil {
		return ""
	}
	for _, l := range all {
		if l.Name == "" {
			return l.Effective
		}
	}
	return ""
}

// Target is one of Prometheus' HTTP service discovery.
type Target struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

type targetsOut struct{ Body []Target }

func (h *Handlers) listTargets(ctx context.Context, _ *struct{}) (*targetsOut, error) {
	all, err := h.settings.Fleet.Instances(ctx, scope(ctx))
	if err != nil {
		return nil, h.failed(err)
	}
	out := &targetsOut{Body: []Target{}}
	for _, i := range all {
		if i.PublicAddress == "" || i.State == fleet.Stopped || time.Since(i.HeardAt) > fleet.Gone {
			continue
		}
		out.Body = append(out.Body, Target{Targets: []string{i.PublicAddress}, Labels: map[string]string{
			"service": i.Service, "instance": i.Instance, "environment": i.Environment, "__metrics_path__": "/metrics"}})
	}
	return out, nil
}
