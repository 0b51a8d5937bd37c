package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/intake"
)

func (c *shipCommand) note(p Process, text string) {
	fmt.Fprintf(p.Stderr, "signalbox: %s\n", text) //nolint:errcheck // people may look away
}

// tell prints what became of the records. Some that are not in the store are an error, unless a command's exit code is asked for.
func (c *shipCommand) tell(p Process, sum intake.Summary) error {
	out := p.Stdout
	if len(c.Command) > 0 {
		out = p.Stderr // the other is the command's
	}
	if c.JSON {
		if err := printJSON(out, sum); err != nil {
			return err
		}
	} else if len(c.Command) == 0 || isTerminal(p.Stderr) {
		fmt.Fprintln(p.Stderr, summaryLine(sum)) //nolint:errcheck // people may look away
	}
	lost := 0
	for _, n := range sum.Dropped {
		lost += n
	}
	if lost > 0 {
		c.note(p, fmt.Sprintf("%s not in the store (%s)", of(lost, "record is", "records are"), reasons(sum.Dropped))+c.refusal(sum))
	}
	if sum.Waiting != 0 && !c.JSON {
		c.note(p, fmt.Sprintf("%s in %s: %s", of(sum.Waiting, "record waits", "records wait"), c.spool(sum.Instance), c.resume(sum)))
	}
	switch {
	case sum.Exit != nil && *sum.Exit != 0:
		return exitCode(*sum.Exit)
	case sum.Exit == nil && (lost > 0 || sum.Waiting != 0 && !c.NoWait):
		return exitCode(exitFailed)
	}
	return nil
}

// tooOld begins what the store says of the times of records that it does not keep any more.
const tooOld = "older than the retention"

// refusal says why the store refused records, and what helps.
func (c *shipCommand) refusal(sum intake.Summary) string {
	if sum.Refusal == "" {
		return ""
	}
	if _, limit, old := strings.Cut(sum.Refusal, tooOld); old { // what stands before it is of one batch, and its count not the run's
		return ": " + tooOld + limit + "; --restamp gives them the time of reading, SIGNALBOX_VIEW_SERVICE_LOG_RETENTION keeps longer"
	}
	return fmt.Sprintf(": %s; they lie in %s", sum.Refusal, filepath.Join(c.spool(sum.Instance), "quarantine"))
}

// resume says how to send what is left.
func (c *shipCommand) resume(sum intake.Summary) string {
	if c.File != "" {
		return "the same command sends them and goes on in the file"
	}
	return fmt.Sprintf("the next run for %s sends them, as does `signalbox ship --service %s --state %s </dev/null`", sum.Service, sum.Service, c.State)
}

// of is a number with what is said of one, or of several.
func of(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(int64(n)) + " " + several
}

func reasons(dropped map[string]int) string {
	var all []string
	for reason, n := range dropped {
		all = append(all, fmt.Sprintf("%s %d", reason, n))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func summaryLine(sum intake.Summary) string {
	var formats []string
	for name, n := range sum.Formats {
		formats = append(formats, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(formats)
	verb := "shipped"
	if sum.Waiting != 0 {
		verb = "spooled"
	}
	line := fmt.Sprintf("%s as %s: %s, %s, in %.1f s (%.0f records/s)", verb, sum.Service, counted(sum.Records, "record"), bytesText(sum.Bytes), sum.Seconds, float64(sum.Records)/max(sum.Seconds, 1e-3))
	if len(formats) > 0 {
		line += ": " + strings.Join(formats, ", ")
	}
	return line
}

// shipProgress is one line that is written over and over.
type shipProgress struct {
	out   io.Writer
	cells int // of the terminal: a line that is wider could not be written over; 0: no bound
	began time.Time
	wide  int
}

func (s *shipProgress) show(p intake.Progress) {
	if s.began.IsZero() {
		s.began = time.Now()
	}
	stored := max(0, p.Records-int64(p.Waiting))
	line := fmt.Sprintf("%d records (%s) read, %d in the store, %.0f/s", p.Records, bytesText(p.Bytes), stored, float64(stored)/max(time.Since(s.began).Seconds(), .5))
	if all := p.Bytes + p.Left; p.Left > 0 {
		line += fmt.Sprintf(", %d %% of the file", p.Bytes*100/all)
	}
	line += fmt.Sprintf(", %d wait in the spool", p.Waiting)
	if p.Trouble != nil {
		line += ": " + printable(fmt.Sprintf("%.60s", p.Trouble))
	} else if p.Draining {
		line += ": all is read"
	}
	line = cut(line, s.cells-1)
	fmt.Fprint(s.out, "\r"+pad(line, s.wide)) //nolint:errcheck // people may look away
	s.wide = cells(line)
}

func (s *shipProgress) clear() {
	if s.wide > 0 {
		fmt.Fprintf(s.out, "\r%*s\r", s.wide, "") //nolint:errcheck // people may look away
	}
}

func bytesText(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
