package timing

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxTimes are spelled out; more are told by their fields.
const maxTimes = 6

// words of a cron line: "at 02:00, Monday to Friday".
func (l line) words() string {
	clock := l.clockWords()
	days := l.dayWords()
	if days == "" && strings.HasPrefix(clock, "at ") && !strings.Contains(clock, " of ") {
		clock += " every day"
	}
	return join(clock, days, l.monthWords())
}

// leaving are the words of a line that leaves out its times: one with five fields leaves out whole minutes.
func (l line) leaving() string {
	if len(strings.Fields(l.text)) == 6 || len(values(l.bits[1], 60)) < 60 {
		return l.words()
	}
	hours := strings.TrimSpace(l.hourWords())
	if words := join(hours, l.dayWords(), l.monthWords()); words != "" {
		return words
	}
	return "ever"
}

func join(parts ...string) string {
	var some []string
	for _, p := range parts {
		if p != "" {
			some = append(some, p)
		}
	}
	return strings.Join(some, ", ")
}

func (l line) clockWords() string {
	seconds, minutes, hours := values(l.bits[0], 60), values(l.bits[1], 60), values(l.bits[2], 24)
	switch {
	case len(seconds)*len(minutes)*len(hours) <= maxTimes:
		return "at " + list(times(seconds, minutes, hours))
	case len(seconds) == 1 && seconds[0] == 0:
		return l.minuteWords(minutes, hours)
	}
	words, regular := each(seconds, 60, "second")
	of := " of "
	if regular {
		of = " in "
	}
	switch {
	case len(minutes) < 60:
		inMinutes, even := each(minutes, 60, "minute")
		if step, _ := stepOf(minutes, 60); even {
			inMinutes = "every " + nth(step) + " minute"
		}
		return words + of + strings.TrimPrefix(inMinutes, "at ") + l.ofHours(len(hours))
	case regular:
		return words + l.hourWords()
	}
	return words + " of every minute" + l.hourWords()
}

// minuteWords are those of a line that is due at second 0.
func (l line) minuteWords(minutes, hours []int) string {
	step, regular := stepOf(hours, 24)
	if len(minutes) == 1 && regular {
		switch {
		case minutes[0] == 0:
			return "every " + every(time.Duration(step)*time.Hour)
		case step == 1:
			return fmt.Sprintf("at minute %d of every hour", minutes[0])
		}
		return fmt.Sprintf("every %d hours from 00:%02d on", step, minutes[0])
	}
	words, even := each(minutes, 60, "minute")
	if even {
		return words + l.hourWords()
	}
	return words + l.ofHours(len(hours))
}

// ofHours follows minutes: " of every hour", " of the hours 09 to 17".
func (l line) ofHours(n int) string {
	if n == 24 {
		return " of every hour"
	}
	return " of the " + noun(n, "hour") + " " + runs(values(l.bits[2], 24), twoDigits)
}

// hourWords bounds something regular: " from 09:00 to 17:59"; empty for every hour.
func (l line) hourWords() string {
	hours := values(l.bits[2], 24)
	if len(hours) == 24 {
		return ""
	}
	var spans []string
	for _, r := range stretches(hours) {
		spans = append(spans, fmt.Sprintf("%02d:00 to %02d:59", r[0], r[1]))
	}
	if len(spans) > maxTimes {
		return " in the hours " + runs(hours, twoDigits)
	}
	return " from " + list(spans)
}

// each says which seconds or minutes: "every 15 minutes" where they are regular, else "at minutes 5 and 20".
func each(all []int, of int, name string) (words string, regular bool) {
	if step, ok := stepOf(all, of); ok {
		if step == 1 {
			return "every " + name, true
		}
		return fmt.Sprintf("every %d %ss", step, name), true
	}
	if n := len(all); n > 4 {
		if step := all[1] - all[0]; step > 1 && progression(all, step) {
			return fmt.Sprintf("at every %s %s from %d to %d", nth(step), name, all[0], all[n-1]), false
		}
	}
	return "at " + noun(len(all), name) + " " + runs(all, strconv.Itoa), false
}

// stepOf reports whether the values go round evenly from 0: */15 of 60.
func stepOf(all []int, of int) (step int, ok bool) {
	step = of / len(all)
	return step, of%len(all) == 0 && len(all) > 1 && all[0] == 0 && progression(all, step)
}

func progression(all []int, step int) bool {
	for i := range all[1:] {
		if all[i+1]-all[i] != step {
			return false
		}
	}
	return true
}

// values are those below limit that are set.
func values(set uint64, limit int) (all []int) {
	for v := from(set, 0); v >= 0 && v < limit; v = from(set, v+1) {
		all = append(all, v)
	}
	return all
}

func times(seconds, minutes, hours []int) (all []string) {
	for _, h := range hours {
		for _, m := range minutes {
			for _, s := range seconds {
				text := fmt.Sprintf("%02d:%02d", h, m)
				if s != 0 {
					text += fmt.Sprintf(":%02d", s)
				}
				all = append(all, text)
			}
		}
	}
	return all
}

// stretches are the first and last of every run of neighbours.
func stretches(all []int) (found [][2]int) {
	for _, v := range all {
		if n := len(found); n > 0 && found[n-1][1] == v-1 {
			found[n-1][1] = v
			continue
		}
		found = append(found, [2]int{v, v})
	}
	return found
}

// runs are values with those in a row joined: "1, 5 to 9 and 12".
func runs(all []int, name func(int) string) string {
	var words []string
	for _, r := range stretches(all) {
		switch first, last := name(r[0]), name(r[1]); r[1] - r[0] {
		case 0:
			words = append(words, first)
		case 1:
			words = append(words, first, last)
		default:
			words = append(words, first+" to "+last)
		}
	}
	return list(words)
}

func twoDigits(n int) string { return fmt.Sprintf("%02d", n) }

func noun(n int, name string) string {
	if n == 1 {
		return name
	}
	return name + "s"
}

func nth(n int) string {
	if words := [...]string{"", "first", "second", "third", "fourth", "fifth"}; n < len(words) {
		return words[n]
	}
	switch {
	case n%100/10 == 1:
		return fmt.Sprintf("%dth", n)
	case n%10 == 1:
		return fmt.Sprintf("%dst", n)
	case n%10 == 2:
		return fmt.Sprintf("%dnd", n)
	case n%10 == 3:
		return fmt.Sprintf("%drd", n)
	}
	return fmt.Sprintf("%dth", n)
}
