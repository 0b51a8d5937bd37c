package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/client"
	"github.com/signalbox-mesh/signalbox/internal/servers/postgres"
	"github.com/signalbox-mesh/signalbox/internal/servers/rabbitmq"
	"github.com/signalbox-mesh/signalbox/internal/up"
)

type doctorCommand struct {
	meshFlags
	output
	Listen string `default:"${listen}" help:"Address that 'signalbox up' would take." placeholder:"HOST:PORT"`
}

func (doctorCommand) Help() string {
	return `Looks at this machine and, where one runs, at the mesh. Each finding that is not well names the command that mends it.
Ends with 1 when something must be mended.

Example:
  signalbox doctor --json`
}

// finding is one thing looked at.
type finding struct {
	What   string `json:"what"`
	State  string `json:"state"` // ok, note, bad
	Detail string `json:"detail"`
	Mend   string `json:"mend,omitempty"`
}

const (
	stateOK   = "ok"
	stateNote = "note"
	stateBad  = "bad"
)

// Run prints what it found; an error when something is bad.
func (c *doctorCommand) Run(ctx context.Context, p Process) error {
	found := []finding{c.postgres(), c.rabbitmq(), c.state()}
	found = append(found, c.meshFindings(ctx, p)...)
	if err := c.print(p, found); err != nil {
		return err
	}
	for _, f := range found {
		if f.State == stateBad {
			return errors.New("something must be mended, see above")
		}
	}
	return nil
}

func (c *doctorCommand) print(p Process, found []finding) error {
	if c.JSON {
		return printJSON(p.Stdout, found)
	}
	sign := map[string]string{stateOK: "✓", stateNote: "·", stateBad: "✗"}
	for _, f := range found {
		if _, err := fmt.Fprintf(p.Stdout, "%s %-12s %s\n", sign[f.State], f.What, printable(f.Detail)); err != nil {
			return err
		}
		if f.Mend == "" {
			continue
		}
		if _, err := fmt.Fprintf(p.Stdout, "  %-12s → %s\n", "", f.Mend); err != nil {
			return err
		}
	}
	return nil
}

func (c *doctorCommand) postgres() finding {
	dir, err := postgres.Find()
	if err != nil {
		return finding{"PostgreSQL", stateBad, err.Error(), "sudo apt-get install postgresql, or set SIGNALBOX_POSTGRES_URL to a server that exists"}
	}
	return finding{"PostgreSQL", stateOK, "binaries in " + dir, ""}
}

func (c *doctorCommand) rabbitmq() finding {
	if err := rabbitmq.Installed(); err != nil {
		return finding{"RabbitMQ", stateNote, err.Error() + "; until then the bus is in-process", "sudo apt-get install rabbitmq-server"}
	}
	return finding{"RabbitMQ", stateOK, "binaries found", ""}
}

func (c *doctorCommand) state() finding {
	probe := filepath.Join(c.State, ".doctor")
	if err := os.MkdirAll(c.State, 0o700); err != nil {
		return finding{"state folder", stateBad, err.Error(), "choose a folder that you may write: --state DIR"}
	}
	if err := os.WriteFile(probe, nil, 0o600); err != nil {
		return finding{"state folder", stateBad, err.Error(), "make it yours, or choose another: --state DIR"}
	}
	if err := os.Remove(probe); err != nil {
		return finding{"state folder", stateBad, err.Error(), "make it yours, or choose another: --state DIR"}
	}
	return finding{"state folder", stateOK, c.State, ""}
}

// meshFindings looks at the running mesh, or at what a start would need.
func (c *doctorCommand) meshFindings(ctx context.Context, p Process) []finding {
	remote := c.URL != "" || c.Context != ""
	if !remote {
		mesh, err := c.mesh()
		if errors.Is(err, fs.ErrNotExist) {
			return []finding{{"mesh", stateNote, "none runs in " + c.State, "signalbox up"}, c.port()}
		}
		if err == nil && !up.Running(c.State) {
			return []finding{{"mesh", stateBad, fmt.Sprintf("process %d, which mesh.json names, is gone", mesh.PID), "signalbox up (it finds its data again)"}}
		}
	}
	api, err := c.connect(p)
	if err != nil {
		return []finding{{"mesh", stateBad, err.Error(), "check --url, --context and the token"}}
	}
	return slices.Concat(causeFindings(ctx, api), instanceFindings(ctx, api), timeFindings(ctx, api))
}

// causeFindings name what explains what fails, before all that does.
func causeFindings(ctx context.Context, api *client.Client) []finding {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	a, err := causesOf(ctx, api)
	if err != nil {
		return []finding{{"cause", stateNote, "what explains a failure is not known: " + err.Error(), ""}}
	}
	var found []finding
	for _, c := range a.Causes {
		f := finding{"cause", stateBad, c.Summary, "signalbox causes"}
		if len(c.Evidence) > 0 {
			f.Detail += ": " + c.Evidence[0].Error
		}
		found = append(found, f)
	}
	return found
}

// timeFindings names what is overdue; nothing where view-service cannot say, which is a finding of its own.
func timeFindings(ctx context.Context, api *client.Client) []finding {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	const shown = 10
	all, err := overdueSchedules(ctx, api, shown+1)
	if err != nil {
		return []finding{{"timed events", stateNote, "what is overdue is not known: " + err.Error(), ""}}
	}
	if len(all) == 0 {
		return []finding{{"timed events", stateOK, "none is overdue", ""}}
	}
	var found []finding
	for _, o := range all[:min(len(all), shown)] {
		found = append(found, finding{"timed events", stateBad, o.Schedule + " is overdue since " + o.Since.Local().Format("2006-01-02 15:04:05"),
			"signalbox schedule show " + o.Schedule})
	}
	if len(all) > shown {
		found = append(found, finding{"timed events", stateBad, "others are overdue too", "signalbox schedule overdue"})
	}
	return found
}

func (c *doctorCommand) port() finding {
	ln, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return finding{"port", stateBad, fmt.Sprintf("cannot listen on %s: %v", c.Listen, err), "signalbox up --listen 127.0.0.1:8090"}
	}
	_ = ln.Close() // it was only asked whether it is free
	return finding{"port", stateOK, c.Listen + " is free", ""}
}

func instanceFindings(ctx context.Context, api *client.Client) []finding {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var answer instancesAnswer
	if err := api.Do(ctx, http.MethodGet, instancesPath, url.Values{}, nil, &answer); err != nil {
		return []finding{{"mesh", stateBad, err.Error(), "signalbox logs 'level>=error' once it answers; STATE/stderr.log until then"}}
	}
	var found []finding
	for _, i := range answer.Instances {
		if i.State != "live" { // one that has stopped is well; one that is lost is a cause as long as it is missed
			continue
		}
		f := finding{i.Service, stateOK, i.Instance + " " + i.Health + " at " + i.Address, ""}
		switch i.Health {
		case "up":
		case "degraded":
			f.State, f.Mend = stateNote, "curl http://"+i.Address+"/hc"
		default:
			f.State, f.Mend = stateBad, "curl http://"+i.Address+"/hc; signalbox logs 'service:"+i.Service+" level>=warn'"
		}
		found = append(found, f)
	}
	return found
}
