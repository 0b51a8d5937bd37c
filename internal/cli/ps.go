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
	Loggers   []logger  `json:"loggers"`
}

type logger struct {
	Name       string `json:"name"` // "": the root
	Configured string `json:"configured"`
	Leased     string `json:"leased"`
	Effective  string `json:"effective"`
	LeaseID    string `json:"lease_id"`
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
		rows = append(rows, psRow{i.Service, i.Instance, i.Address, i.Private, i.Version, health, i.Level, i.PID})
	}
	if c.JSON {
		return printJSON(p.Stdout, rows)
	}
	t := newTable(p.Stdout, "SERVICE", "INSTANCE", "ADDRESS", "PRIVATE", "VERSION", "HEALTH", "LEVEL", "PID").fit(screenOf(p.Stdout, p.Environ), c.Wide)
	for _, r := range rows {
		t.row(r.Service, r.Instance, r.Address, r.Private, r.Version, r.Health, r.Level, strconv.Itoa(r.PID))
	}
	return t.flush()
}
