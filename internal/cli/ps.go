package cli

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

const instancesPath = "/api/maintenance/v1/instances"

type psCommand struct {
	meshFlags
	output
	All  bool `help:"Show stopped and lost instances too."`
	Wide bool `help:"Show everything, however wide it is."`
}

func (psCommand) Help() string {
	return `ADDRESS is where an instance answers /metrics, /hc and /liveness.

Examples:
  signalbox ps
  signalbox ps --json | jq -r '.[].address'`
}

// instancesAnswer is what the API says of the fleet, as far as the command line needs it.
type instancesAnswer struct {
	Instances []instance `json:"instances"`
}

type instance struct {
	Service   string    `json:"service"`
	Instance  string    `json:"instance"`
	State     string    `json:"state"` // live, stopped, lost
	Address   string    `json:"address"`
	Private   string    `json:"private"`
	Version   string    `json:"version"`
	PID       int       `json:"pid"`
	Health    string    `json:"health"`
	Level     string    `json:"level"`
	StartedAt time.Time `json:"started_at"`
	Drift     []diff    `json:"drift"`
	Usage     *usage    `json:"usage"` // nil: it does not say
}

// usage of an instance's process.
type usage struct {
	MemoryBytes uint64 `json:"memory_bytes"`
	Goroutines  uint64 `json:"goroutines"`
}

// psRow is one element of `ps --json`; its names are a promise.
type psRow struct {
	Service  string `json:"service"`
	Instance string `json:"instance"`
	Address  string `json:"address"`
	Private  string `json:"private"`
	Version  string `json:"version"`
	Health   string `json:"health"`
	Level    string `json:"level"`
	PID      int    `json:"pid"`
	// Of the process, which several instances may share; only there when the instance says it.
	MemoryBytes uint64 `json:"memory_bytes,omitempty"`
	Goroutines  uint64 `json:"goroutines,omitempty"`
	Drift       []diff `json:"drift,omitempty"` // only there when something is not as it should be
}

// diff is what an instance has otherwise than it should.
type diff struct {
	What  string    `json:"what"`
	Want  string    `json:"want"`
	Have  string    `json:"have"`
	Since time.Time `json:"since"`
}

// Run lists the instances.
func (c *psCommand) Run(ctx context.Context, p Process) error {
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	var answer instancesAnswer
	if err := api.Do(ctx, http.MethodGet, instancesPath, nil, nil, &answer); err != nil {
		return err
	}
	rows := []psRow{}
	for _, i := range answer.Instances {
		if i.State != "live" && !c.All {
			continue
		}
		health := i.Health
		if i.State != "live" {
			health = i.State
		}
		row := psRow{Service: i.Service, Instance: i.Instance, Address: i.Address, Private: i.Private, Version: i.Version, Health: health, Level: i.Level, PID: i.PID, Drift: i.Drift}
		if i.Usage != nil {
			row.MemoryBytes, row.Goroutines = i.Usage.MemoryBytes, i.Usage.Goroutines
		}
		rows = append(rows, row)
	}
	if c.JSON {
		return printJSON(p.Stdout, rows)
	}
	t := newTable(p.Stdout, "SERVICE", "INSTANCE", "ADDRESS", "PRIVATE", "VERSION", "HEALTH", "LEVEL", "PID", "MEMORY", "GOROUTINES").fit(screenOf(p.Stdout, p.Environ), c.Wide)
	for _, r := range rows {
		t.row(r.Service, r.Instance, r.Address, r.Private, r.Version, r.Health, r.Level, strconv.Itoa(r.PID), r.memory(), r.goroutines())
	}
	if err := t.flush(); err != nil {
		return err
	}
	return drifts(p, rows)
}

// memory and goroutines are "-" where they are not said.
func (r psRow) memory() string {
	if r.MemoryBytes == 0 {
		return "-"
	}
	return bytesText(int64(r.MemoryBytes))
}

func (r psRow) goroutines() string {
	if r.Goroutines == 0 {
		return "-"
	}
	return strconv.FormatUint(r.Goroutines, 10)
}

// drifts tells what is not as it should be, since when.
func drifts(p Process, rows []psRow) error {
	t := newTable(p.Stdout, "\nDRIFT", "WHAT", "IS", "SHOULD BE", "SINCE")
	found := false
	for _, r := range rows {
		for _, d := range r.Drift {
			t.row(r.Instance, d.What, d.Have, d.Want, moment(&d.Since))
			found = true
		}
	}
	if !found {
		return nil
	}
	return t.flush()
}
