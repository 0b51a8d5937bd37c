package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/client"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
)

const (
	schedulesPath = "/api/scheduler/v1/schedules"
	firesPath     = "/api/scheduler/v1/fires"
)

type scheduleCommand struct {
	List     scheduleList     `cmd:"" default:"withargs" help:"List every schedule with its last and next time."`
	Show     scheduleShow     `cmd:"" help:"Show one schedule, its next times and what its last fires came to."`
	Fires    scheduleFires    `cmd:"" help:"List fires, and why those did not run that did not."`
	Overdue  scheduleOverdue  `cmd:"" help:"List what should have ended and has not."`
	Explain  scheduleExplain  `cmd:"" help:"Say in words when something is due, and the next times; needs no mesh."`
	Save     scheduleSave     `cmd:"" help:"Make a schedule, or change one."`
	Revert   scheduleRevert   `cmd:"" help:"Take the edit of a declared schedule back."`
	Delete   scheduleDelete   `cmd:"" help:"Delete a schedule that people made; its ledger stays."`
	Run      scheduleRun      `cmd:"" help:"Fire now, and wait for the end."`
	Pause    schedulePause    `cmd:"" help:"Hold a schedule; due times are skipped with that reason."`
	Resume   scheduleResume   `cmd:"" help:"Let a schedule go on."`
	Backfill scheduleBackfill `cmd:"" help:"Fire the due times of a range of the past."`
	Cancel   scheduleCancel   `cmd:"" help:"End a fire: at once, or by telling its handler."`
}

func schedulePath(name string) string { return schedulesPath + "/" + url.PathEscape(name) }
func firePath(id string) string       { return firesPath + "/" + url.PathEscape(id) }

type scheduleList struct {
	meshFlags
	output
	Service string `help:"Only schedules of this service." placeholder:"NAME"`
	State   string `name:"is" enum:",ok,paused,failing,edited,late" default:"" help:"Only ok, paused, failing (the last fire failed), edited, or late (due and not planned)." placeholder:"STATE"`
	Match   string `help:"Only names with this in them." placeholder:"TEXT"`
	Limit   int    `short:"n" default:"1000" help:"How many at most."`
	Wide    bool   `help:"Show everything, however wide it is."`
}

func (scheduleList) Help() string {
	return `OK is the share of done among the fires that ended in the last 24 hours. An edited schedule is not as its service declares it.

Examples:
  signalbox schedule list
  signalbox schedule list --service catalogs --is failing
  signalbox schedule list --match purge --json`
}

// Run lists the schedules, by name.
func (c *scheduleList) Run(ctx context.Context, p Process) error {
	if c.Limit < 1 {
		return misuse("-n %d: want 1 or more", c.Limit)
	}
	mesh, err := c.connect(p)
	if err != nil {
		return err
	}
	query := queryOf("service", c.Service, "state", c.State, "q", c.Match)
	all, more, err := pages[api.Schedule](ctx, mesh, schedulesPath, query, c.Limit, 200)
	if err != nil {
		return err
	}
	if more {
		if err := warn(p, []string{fmt.Sprintf("these are the first %d; --service, --is and --match narrow them down", len(all))}); err != nil {
			return err
		}
	}
	if c.JSON {
		return printJSON(p.Stdout, all)
	}
	t := newTable(p.Stdout, "SCHEDULE", "WHEN", "NEXT", "LAST", "STATE", "OK", "").fit(screenOf(p.Stdout, p.Environ), c.Wide)
	for _, s := range all {
		last, state := lastFire(s.LastFire, p.now())
		t.row(s.Name, briefly(s.Spec), near(s.NextDue, p.now()), last, state, share(s.SuccessRate), marks(s))
	}
	return t.flush()
}

// pages reads the first limit items of a list, most at once; more says that there are others.
func pages[T any](ctx context.Context, mesh *client.Client, path string, query url.Values, limit, most int) (all []T, more bool, err error) {
	all = []T{}
	for len(all) < limit {
		query.Set("limit", strconv.Itoa(min(limit-len(all), most)))
		var page struct {
			Items      []T    `json:"items"`
			NextCursor string `json:"next_cursor"`
		}
		if err := mesh.Do(ctx, http.MethodGet, path, query, nil, &page); err != nil {
			return nil, false, err
		}
		all = append(all, page.Items...)
		if page.NextCursor == "" || len(page.Items) == 0 {
			return all, false, nil
		}
		query.Set("cursor", page.NextCursor)
	}
	return all, true, nil
}

// queryOf names and values; those without a value are left out.
func queryOf(pairs ...string) url.Values {
	query := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			query.Set(pairs[i], pairs[i+1])
		}
	}
	return query
}

// briefly is the timing as it was written; `schedule show` has the words.
func briefly(s api.Spec) string {
	text := ""
	switch {
	case s.Cron != "":
		text = s.Cron
	case s.EverySecs > 0:
		text = "every " + shortly(time.Duration(s.EverySecs)*time.Second)
	case len(s.Calendar) > 0:
		text = counted(int64(len(s.Calendar)), "calendar time")
	default:
		return "once at " + moment(s.At)
	}
	if s.TimeZone != "" && s.TimeZone != "UTC" {
		text += " " + s.TimeZone
	}
	return text
}

// shortly is a duration without its zeros: 15m, 1h30m, 2d.
func shortly(d time.Duration) string {
	if days := d / (24 * time.Hour); days > 0 && d%(24*time.Hour) == 0 {
		return strconv.Itoa(int(days)) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func moment(at *time.Time) string {
	if at == nil {
		return "–"
	}
	return at.Local().Format("2006-01-02 15:04:05")
}

// near is a moment without what it shares with now, so that a list of many columns has room.
func near(at *time.Time, now time.Time) string {
	if at == nil {
		return "–"
	}
	local, today := at.Local(), now.Local()
	switch {
	case local.Format(time.DateOnly) == today.Format(time.DateOnly):
		return local.Format("15:04:05")
	case local.Year() == today.Year():
		return local.Format("01-02 15:04")
	}
	return local.Format("2006-01-02")
}

func lastFire(f *api.Fire, now time.Time) (due, state string) {
	if f == nil {
		return "–", "–"
	}
	return near(&f.Due, now), fireState(*f)
}

func fireState(f api.Fire) string {
	if f.Reason == "" {
		return string(f.State)
	}
	return string(f.State) + " (" + string(f.Reason) + ")"
}

func share(rate *float64) string {
	switch {
	case rate == nil:
		return "–"
	case *rate > .99 && *rate < 1: // 100 % is said of all only
		return strconv.FormatFloat(math.Floor(*rate*1000)/10, 'f', 1, 64) + "%"
	}
	return strconv.FormatFloat(*rate*100, 'f', 0, 64) + "%"
}

// marks are what is unusual about a schedule.
func marks(s api.Schedule) string {
	var all []string
	if s.Paused {
		all = append(all, pausedText(s))
	}
	if len(s.Drift) > 0 {
		all = append(all, "edited by "+s.EditedBy+": "+strings.Join(s.Drift, ", "))
	}
	return strings.Join(all, "; ")
}

func pausedText(s api.Schedule) string {
	return "paused by " + s.PausedBy + ": " + s.PausedNote
}

// missing: there is no such thing.
func missing(err error) bool {
	var refused *client.Problem
	return errors.As(err, &refused) && refused.Status == http.StatusNotFound
}
