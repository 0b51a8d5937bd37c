package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"

	"github.com/signalbox-mesh/signalbox/internal/client"
)

func (c *profileTake) fetch(ctx context.Context, p Process, api *client.Client, rows []profileRow) error {
	for _, r := range rows {
		path := c.Out + string(os.PathSeparator) + r.file()
		if err := download(ctx, api, r.ID, path); err != nil {
			return err
		}
		if !c.JSON {
			if _, err := fmt.Fprintf(p.Stdout, "%s   %s\n", path, amount(float64(r.Bytes))); err != nil {
				return err
			}
		}
	}
	if c.JSON {
		return printJSON(p.Stdout, rows)
	}
	return nil
}

// download writes a profile to a file of its own; what stands there already is not overwritten.
func download(ctx context.Context, api *client.Client, id, path string) error {
	body, err := api.Stream(ctx, profilesPath+"/"+url.PathEscape(id)+"/data", nil)
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // read to its end, or given up
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil { // half of one is none, and would be in the way of the next try
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(path))
	}
	return nil
}

type profileList struct {
	meshFlags
	output
	Service string `arg:"" optional:"" help:"Only of this service."`
}

func (profileList) Help() string { return "Example:\n  signalbox profile list catalogs" }

// Run lists the profiles, the newest first.
func (c *profileList) Run(ctx context.Context, p Process) error {
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	query := url.Values{}
	if c.Service != "" {
		query.Set("service", c.Service)
	}
	var answer profilesAnswer
	if err := api.Do(ctx, http.MethodGet, profilesPath, query, nil, &answer); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.Stdout, answer.Profiles)
	}
	t := newTable(p.Stdout, "PROFILE", "KIND", "INSTANCE", "FROM", "SECONDS", "SIZE")
	for _, r := range answer.Profiles {
		t.row(r.ID, r.Kind, r.Instance, moment(&r.From), strconv.FormatFloat(r.Until.Sub(r.From).Seconds(), 'f', 1, 64), amount(float64(r.Bytes)))
	}
	return t.flush()
}

type profileGet struct {
	meshFlags
	ID  string `arg:"" help:"The profile, as 'profile list' shows it."`
	Out string `short:"o" required:"" help:"File to write." type:"path" placeholder:"FILE"`
}

func (profileGet) Help() string {
	return "Example:\n  signalbox profile get 0198c0de-0000-7000-8000-000000000001 -o cpu.pprof"
}

// Run writes the file.
func (c *profileGet) Run(ctx context.Context, p Process) error {
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	if err := download(ctx, api, c.ID, c.Out); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.Stdout, c.Out)
	return err
}
