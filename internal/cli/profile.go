package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/client"
)

const profilesPath = "/api/maintenance/v1/profiles"

type profileCommand struct {
	Take profileTake `cmd:"" default:"withargs" help:"Have instances capture a profile, and fetch it."`
	List profileList `cmd:"" help:"List the profiles that are kept."`
	Get  profileGet  `cmd:"" help:"Fetch one that is kept."`
}

func (profileCommand) Help() string { return profileTake{}.Help() }

type profileTake struct {
	meshFlags
	output
	Kind     string   `arg:"" help:"cpu, heap, goroutine, block, mutex, or trace (Go's execution trace)."`
	Service  string   `arg:"" help:"The service."`
	Instance string   `help:"Only this instance." placeholder:"NAME"`
	For      duration `default:"10s" help:"How long it is captured; heap and goroutine are of one moment." placeholder:"TIME"`
	Before   bool     `help:"Of a trace: the last --for before Ctrl-C, before the lease is dropped, or before --within is over."`
	Within   duration `default:"15m" help:"With --before: how long it is waited for that." placeholder:"TIME"`
	Out      string   `short:"o" default:"." help:"Folder for the files." type:"path" placeholder:"DIR"`
	Reason   string   `help:"Why; it stands in the audit." placeholder:"TEXT"`
}

func (profileTake) Help() string {
	return `Examples:
  signalbox profile cpu catalogs --for 30s
  signalbox profile heap gateway -o /tmp
  signalbox profile trace catalogs --before --for 5s    # Ctrl-C when you see what you waited for
  go tool pprof -http : catalogs-1-cpu-20261121T130200Z.pprof`
}

type profileRow struct {
	ID       string    `json:"id"`
	LeaseID  string    `json:"lease_id"`
	Service  string    `json:"service"`
	Instance string    `json:"instance"`
	Kind     string    `json:"kind"`
	From     time.Time `json:"from"`
	Until    time.Time `json:"until"`
	Bytes    int64     `json:"bytes"`
}

func (r profileRow) file() string {
	ending := ".pprof"
	if r.Kind == "trace" {
		ending = ".trace"
	}
	// An instance names itself: its name is no path.
	instance := strings.Map(func(c rune) rune {
		if c < ' ' || strings.ContainsRune(`/\:`, c) {
			return '_'
		}
		return c
	}, r.Instance)
	return fmt.Sprintf("%s-%s-%s%s", instance, r.Kind, r.From.UTC().Format("20060102T150405Z"), ending)
}

type profilesAnswer struct {
	Profiles []profileRow `json:"profiles"`
}

// uploading is what an instance gets, after the capture, to bring it in.
const uploading = 30 * time.Second

// Run makes the lease, waits for what the instances bring, and writes the files.
func (c *profileTake) Run(ctx context.Context, p Process) error {
	if c.Before && c.Kind != "trace" {
		return misuse("--before is of a trace: `signalbox profile trace %s --before`", c.Service)
	}
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	in, err := c.request(p)
	if err != nil {
		return err
	}
	var got receipt
	if err := api.Do(ctx, http.MethodPost, leasesPath, nil, in, &got); err != nil {
		return err
	}
	if !c.JSON {
		if err := got.words(p); err != nil {
			return err
		}
	}
	if got.Applied == 0 {
		return fmt.Errorf("no instance captures it")
	}
	if c.Before {
		var cancel context.CancelFunc
		if ctx, cancel, err = c.hold(ctx, p, api, got.Lease.ID); err != nil {
			return err
		}
		defer cancel()
	}
	rows, err := c.await(ctx, p, api, got)
	if err != nil {
		return err
	}
	if err := c.fetch(ctx, p, api, rows); err != nil {
		return err
	}
	if missing := got.Applied - len(rows); missing > 0 {
		return fmt.Errorf("%d of %d instances brought no profile; see `signalbox lease show %s`", missing, got.Applied, got.Lease.ID)
	}
	return nil
}

// request is the lease; it holds longer than the capture, or as long as may be waited for what was before.
func (c *profileTake) request(p Process) (leaseRequest, error) {
	capture := time.Duration(c.For)
	value := map[string]any{"profile": c.Kind, "seconds": int((capture + time.Second - 1) / time.Second)}
	ttl := duration(capture + uploading)
	if c.Before {
		value["before"], ttl = true, c.Within
	}
	ask := change{TTL: &ttl, Reason: c.Reason, Strict: true}
	return ask.request(p, "profile", value, target{c.Service, c.Instance})
}

// hold waits until the lease is over, or whoever waits has seen enough, and then ends it. What is asked after that has a
// context of its own: Ctrl-C has ended the first.
func (c *profileTake) hold(ctx context.Context, p Process, api *client.Client, id string) (after context.Context, cancel context.CancelFunc, err error) {
	_, err = fmt.Fprintf(p.Stderr, "signalbox: Ctrl-C (or `signalbox lease drop %s`) keeps the last %s; it ends by itself after %s\n",
		id, short(time.Duration(c.For)), short(time.Duration(c.Within)))
	for err == nil {
		if err = pauseFor(ctx, 500*time.Millisecond); err != nil {
			break
		}
		var v leaseView
		if err = api.Do(ctx, http.MethodGet, leasesPath+"/"+url.PathEscape(id), nil, nil, &v); err == nil && v.Lease.State != "active" {
			break
		}
	}
	after, cancel = context.WithTimeout(context.WithoutCancel(ctx), 2*uploading)
	if ctx.Err() != nil {
		_, err = dropAll(after, api, []lease{{ID: id}})
	}
	if err != nil {
		cancel()
	}
	return after, cancel, err
}

// await waits until every instance that took the lease has brought its profile, and shows that it waits.
func (c *profileTake) await(ctx context.Context, p Process, api *client.Client, got receipt) ([]profileRow, error) {
	begun, shown := time.Now(), isTerminal(p.Stderr) && !c.JSON
	capture := time.Duration(c.For)
	if c.Before { // it is over
		capture = 0
	}
	for {
		var answer profilesAnswer
		if err := api.Do(ctx, http.MethodGet, profilesPath, url.Values{"lease": {got.Lease.ID}}, nil, &answer); err != nil {
			return nil, err
		}
		passed := time.Since(begun).Round(time.Second)
		if shown {
			fmt.Fprintf(p.Stderr, "\r%d of %d profiles, %s of %s ", len(answer.Profiles), got.Applied, passed, capture) //nolint:errcheck // only a sign of life
		}
		late := passed > capture+uploading
		if len(answer.Profiles) >= got.Applied || late {
			if shown {
				fmt.Fprintln(p.Stderr) //nolint:errcheck // only a sign of life
			}
			if len(answer.Profiles) == 0 {
				return nil, fmt.Errorf("no profile has come within %s; see `signalbox lease show %s`", passed, got.Lease.ID)
			}
			return answer.Profiles, nil
		}
		if err := pauseFor(ctx, 500*time.Millisecond); err != nil {
			return nil, err
		}
	}
}
