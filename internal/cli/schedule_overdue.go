package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/client"
)

const overduePath = "/api/maintenance/v1/overdue"

type scheduleOverdue struct {
	meshFlags
	output
	Wide bool `help:"Show everything, however wide it is."`
}

func (scheduleOverdue) Help() string {
	return `View-service computes it from the plan and from the ends it has heard of, so it answers when the scheduler is gone.
Ends with 1 when something is overdue.

Example:
  signalbox schedule overdue || signalbox doctor`
}

// overdueSchedule as maintenance shows it.
type overdueSchedule struct {
	Schedule  string     `json:"schedule"`
	Service   string     `json:"service"`
	Due       time.Time  `json:"due"`
	Since     time.Time  `json:"since"`
	Count     int        `json:"count"`
	More      bool       `json:"more,omitempty"`
	LastDue   *time.Time `json:"last_due,omitempty"`
	LastState string     `json:"last_state,omitempty"`
	Reason    string     `json:"last_reason,omitempty"`
}

func overdueSchedules(ctx context.Context, api *client.Client, limit int) ([]overdueSchedule, error) {
	var answer struct {
		Items []overdueSchedule `json:"items"`
	}
	err := api.Do(ctx, http.MethodGet, overduePath, url.Values{"limit": {strconv.Itoa(limit)}}, nil, &answer)
	return answer.Items, err
}

// Run prints what is overdue, and fails when something is.
func (c *scheduleOverdue) Run(ctx context.Context, p Process) error {
	mesh, err := c.connect(p)
	if err != nil {
		return err
	}
	all, err := overdueSchedules(ctx, mesh, 1000)
	if err != nil {
		return err
	}
	if err := c.print(p, all); err != nil || len(all) == 0 {
		return err
	}
	if len(all) == 1 {
		return errors.New("1 schedule is overdue")
	}
	return fmt.Errorf("%d schedules are overdue", len(all))
}

func (c *scheduleOverdue) print(p Process, all []overdueSchedule) error {
	switch {
	case c.JSON:
		if all == nil {
			all = []overdueSchedule{}
		}
		return printJSON(p.Stdout, all)
	case len(all) == 0:
		_, err := fmt.Fprintln(p.Stdout, "nothing is overdue")
		return err
	}
	t := newTable(p.Stdout, "SCHEDULE", "OVERDUE SINCE", "FIRST DUE", "COUNT", "LAST", "ENDED").fit(screenOf(p.Stdout, p.Environ), c.Wide)
	for _, o := range all {
		count := strconv.Itoa(o.Count)
		if o.More {
			count += "+"
		}
		ended := orDash(o.LastState)
		if o.Reason != "" {
			ended += " (" + o.Reason + ")"
		}
		t.row(o.Schedule, moment(&o.Since), moment(&o.Due), count, moment(o.LastDue), ended)
	}
	return t.flush()
}
