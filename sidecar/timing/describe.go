package timing

import (
	"fmt"
	"strings"
	"time"
)

// Describe says in plain words when something is due: "at 02:00, Monday to Friday, Europe/Berlin; not on 2026-12-25".
// A malformed Spec is described by what is wrong with it.
func Describe(s Spec) string {
	t, err := Parse(s)
	if err != nil {
		return "never: " + err.Error()
	}
	loc, _ := location(s.TimeZone) // Parse knows it
	words := s.when(loc)
	if !s.Start.IsZero() {
		words += ", from " + local(s.Start, loc)
	}
	if !s.End.IsZero() {
		words += ", until before " + local(s.End, loc)
	}
	if s.Cron != "" || len(s.Calendar) > 0 || !s.At.IsZero() || loc != time.UTC {
		words += ", " + loc.String()
	}
	if s.Jitter > 0 {
		words += fmt.Sprintf("; each %s later, to spread the load", span(t.jitter))
	}
	if not := s.not(); not != "" {
		words += "; not " + not
	}
	return words
}

func (s Spec) when(loc *time.Location) string {
	switch {
	case s.Cron != "":
		l, err := parseLine(s.Cron)
		if err != nil {
			return err.Error()
		}
		return l.words()
	case s.Every != 0 && s.Anchor.IsZero():
		return "every " + every(s.Every)
	case s.Every != 0:
		return "every " + every(s.Every) + ", counted from " + local(s.Anchor, loc)
	case len(s.Calendar) > 4:
		return fmt.Sprintf("at %s and %d more times", strings.Join(s.Calendar[:3], ", "), len(s.Calendar)-3)
	case len(s.Calendar) > 0:
		return "at " + list(s.Calendar)
	}
	return "once at " + local(s.At, loc)
}

func (s Spec) not() string {
	var all []string
	for i, text := range s.Except {
		if i == 5 && len(s.Except) > 6 {
			return strings.Join(all, ", ") + fmt.Sprintf(" and %d more exclusions", len(s.Except)-i)
		}
		all = append(all, exclusion(text))
	}
	return list(all)
}

func exclusion(text string) string {
	text = strings.TrimSpace(text)
	if l, err := parseLine(text); !isDay(text) && err == nil {
		return l.leaving()
	}
	if first, last, ranged := strings.Cut(text, "/"); ranged {
		return "from " + first + " to " + last
	}
	return "on " + text
}

// local is a time on the zone's clock, with its day.
func local(t time.Time, loc *time.Location) string {
	t = t.In(loc)
	if t.Second() == 0 {
		return t.Format("2006-01-02 15:04")
	}
	return t.Format("2006-01-02 15:04:05")
}

// every is a duration as an interval: "15 minutes", "hour".
func every(d time.Duration) string {
	words := span(d)
	if one, ok := strings.CutPrefix(words, "1 "); ok && !strings.Contains(one, " ") {
		return one
	}
	return words
}

// span is a duration in words: "15 minutes", "1 hour 30 minutes".
func span(d time.Duration) string {
	var words []string
	for _, u := range []struct {
		name string
		of   time.Duration
	}{{"day", day * time.Second}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}} {
		if n := int(d / u.of); n > 0 {
			words = append(words, plural(n, u.name))
		}
		d %= u.of
	}
	if len(words) == 0 {
		return "0 seconds"
	}
	return strings.Join(words, " ")
}

func plural(n int, name string) string {
	if n == 1 {
		return "1 " + name
	}
	return fmt.Sprintf("%d %ss", n, name)
}

// list joins words: "a", "a and b", "a, b and c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
