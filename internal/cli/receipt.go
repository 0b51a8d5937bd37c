package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/signalbox-mesh/signalbox/internal/client"
)

// outcome of one instance.
type outcome struct {
	Service  string  `json:"service"`
	Instance string  `json:"instance"`
	State    string  `json:"state"`
	Error    string  `json:"error,omitempty"`
	TookMS   float64 `json:"took_ms,omitempty"`
	Via      string  `json:"via,omitempty"`   // ack, sync
	Spent    bool    `json:"spent,omitempty"` // its budget is used up there
}

func (o outcome) row(t *table, indent string) {
	took := ""
	if o.TookMS > 0 {
		took = strconv.FormatFloat(o.TookMS, 'f', 1, 64) + " ms"
	}
	said := o.Error
	if o.Spent {
		said = strings.TrimPrefix(said+"; its budget is spent, it has fallen back", "; ")
	}
	t.row(indent+o.Instance, o.State, took, said)
}

// receipt says what each instance made of a change.
type receipt struct {
	Lease     lease     `json:"lease"`
	Revision  int64     `json:"revision"`
	TookMS    float64   `json:"took_ms"`
	Applied   int       `json:"applied"`
	Expected  int       `json:"expected"`
	Instances []outcome `json:"instances"`
	Warnings  []string  `json:"warnings,omitempty"`
	Summary   string    `json:"summary"`
}

// print shows the receipt; an instance that did not do it is an error.
func (r receipt) print(p Process, asJSON bool) error {
	show := func() error { return r.words(p) }
	if asJSON {
		show = func() error { return printJSON(p.Stdout, r) }
	}
	if err := show(); err != nil {
		return err
	}
	return r.missing()
}

// missing says which instances have not done it, and what comes of that; nil: all have.
func (r receipt) missing() error {
	refused := 0
	for _, i := range r.Instances {
		if i.State == "refused" {
			refused++
		}
	}
	silent := r.Expected - r.Applied - refused
	var all []string
	if refused > 0 {
		all = append(all, fmt.Sprintf("%d of %d instances refused it", refused, r.Expected))
	}
	switch {
	case silent <= 0:
	case r.Lease.State == "dropped":
		all = append(all, fmt.Sprintf("%d of %d instances did not confirm; the lease is over, and they learn of it with their next heartbeat", silent, r.Expected))
	default:
		all = append(all, fmt.Sprintf("%d of %d instances did not confirm; the lease holds, and they take it with their next heartbeat", silent, r.Expected))
	}
	if all == nil {
		return nil
	}
	return fmt.Errorf("%s; see `signalbox lease show %s`", strings.Join(all, "; "), r.Lease.ID)
}

// printed shows several receipts, all of them before it says what is missing in any.
func printed(p Process, all []receipt, asJSON bool) error {
	if asJSON {
		if err := printJSON(p.Stdout, all); err != nil {
			return err
		}
	}
	var missing []error
	for _, r := range all {
		if !asJSON {
			if err := r.words(p); err != nil {
				return err
			}
		}
		missing = append(missing, r.missing())
	}
	return errors.Join(missing...)
}

// pageSize is the most that the API lists at once.
const pageSize = 1000

// held are all leases of a kind that are in force for the service, and for all of them, however many; "": for any.
func held(ctx context.Context, api *client.Client, kind, service string) (all []lease, err error) {
	query := url.Values{"kind": {kind}, "limit": {strconv.Itoa(pageSize)}}
	if service != "" {
		query.Set("service", service)
	}
	for {
		var answer leasesAnswer
		if err := api.Do(ctx, http.MethodGet, leasesPath, query, nil, &answer); err != nil {
			return nil, err
		}
		all = append(all, answer.Leases...)
		if answer.Next == 0 {
			return all, nil
		}
		query.Set("before", strconv.FormatInt(answer.Next, 10))
	}
}

// dropAll ends leases now; one that has ended meanwhile is as it should be. With an error it says what was dropped before.
func dropAll(ctx context.Context, api *client.Client, all []lease) (dropped []receipt, err error) {
	dropped = []receipt{}
	for _, l := range all {
		got, err := drop(ctx, api, l.ID)
		var over *client.Problem
		switch {
		case errors.As(err, &over) && over.Status == http.StatusConflict:
		case err != nil:
			return dropped, err
		default:
			dropped = append(dropped, got)
		}
	}
	return dropped, nil
}

// drop ends a lease now.
func drop(ctx context.Context, api *client.Client, id string) (got receipt, err error) {
	err = api.Do(ctx, http.MethodDelete, leasesPath+"/"+url.PathEscape(id), nil, nil, &got)
	return got, err
}

func (r receipt) words(p Process) error {
	if _, err := fmt.Fprintf(p.Stdout, "%s   (lease %s)\n", printable(r.Summary), r.Lease.ID); err != nil {
		return err
	}
	if err := warn(p, r.Warnings); err != nil {
		return err
	}
	if len(r.Instances) == 0 {
		return nil
	}
	t := newTable(p.Stdout, "  INSTANCE", "STATE", "TOOK", "")
	for _, i := range r.Instances {
		i.row(t, "  ")
	}
	return t.flush()
}

func warn(p Process, all []string) error {
	for _, w := range all {
		if _, err := fmt.Fprintf(p.Stderr, "signalbox: %s\n", printable(w)); err != nil {
			return err
		}
	}
	return nil
}
