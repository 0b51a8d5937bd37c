package foreign

import (
	"strings"
	"time"
)

// clock reads times. Those without a year are of the last twelve months, those without a zone of the given one.
type clock struct {
	now  func() time.Time
	zone *time.Location
}

// usable: what OTLP can count in nanoseconds.
func usable(t time.Time) bool { return t.Year() >= 1970 && t.Year() <= 2261 }

const (
	months = "JanFebMarAprMayJunJulAugSepOctNovDec"
	days   = "SunMonTueWedThuFriSat"
)

// monthOf is 1 to 12; 0: none.
func monthOf(s string) int {
	if len(s) < 3 {
		return 0
	}
	i := strings.Index(months, s[:3])
	if i < 0 || i%3 != 0 {
		return 0
	}
	return i/3 + 1
}

// number reads n digits at i.
func number(s string, i, n int) (v int, ok bool) {
	if i < 0 || i+n > len(s) {
		return 0, false
	}
	for _, c := range []byte(s[i : i+n]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int(c-'0')
	}
	return v, true
}

// daytime reads "15:04:05", with a fraction after a dot or a comma, and returns what it took.
func daytime(s string) (sec, nano, n int, ok bool) {
	h, ok1 := number(s, 0, 2)
	m, ok2 := number(s, 3, 2)
	x, ok3 := number(s, 6, 2)
	if !ok1 || !ok2 || !ok3 || s[2] != ':' || s[5] != ':' || h > 23 || m > 59 || x > 60 {
		return 0, 0, 0, false
	}
	n = 8
	if len(s) > 9 && (s[8] == '.' || s[8] == ',') && digit(s[9]) {
		n = 9
		scale := 100_000_000
		for n < len(s) && digit(s[n]) {
			nano += int(s[n]-'0') * scale
			scale /= 10
			n++
		}
	}
	return h*3600 + m*60 + x, nano, n, true
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// offset reads Z, +01, +0100 or +01:00 and returns what it took; 0: none is there.
func offset(s string) (zone *time.Location, n int) {
	if s == "" {
		return nil, 0
	}
	if s[0] == 'Z' {
		return time.UTC, 1
	}
	if s[0] != '+' && s[0] != '-' {
		return nil, 0
	}
	h, ok := number(s, 1, 2)
	if !ok || h > 15 {
		return nil, 0
	}
	n = 3
	m, at := 0, 3
	if len(s) > 3 && s[3] == ':' {
		at = 4
	}
	if v, ok := number(s, at, 2); ok && v < 60 {
		m, n = v, at+2
	}
	seconds := h*3600 + m*60
	if s[0] == '-' {
		seconds = -seconds
	}
	if seconds == 0 {
		return time.UTC, n
	}
	return time.FixedZone("", seconds), n
}

// named zones as PostgreSQL and others abbreviate them. An abbreviation that is not here is taken for the clock's zone.
func named(abbreviation string) (*time.Location, bool) {
	hours, ok := map[string]int{
		"UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3,
		"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "JST": 9, "AEST": 10, "AEDT": 11,
	}[abbreviation]
	switch {
	case !ok:
		return nil, false
	case hours == 0:
		return time.UTC, true
	}
	return time.FixedZone(abbreviation, hours*3600), true
}

// iso reads "2026-11-21T06:48:09.338Z" and its relatives (slashes, a space, a comma, no zone), and returns what it took.
func (c *clock) iso(s string) (t time.Time, n int, ok bool) {
	y, ok1 := number(s, 0, 4)
	mo, ok2 := number(s, 5, 2)
	d, ok3 := number(s, 8, 2)
	if !ok1 || !ok2 || !ok3 || len(s) < 19 || s[4] != s[7] || s[4] != '-' && s[4] != '/' || mo < 1 || mo > 12 || d < 1 || d > 31 {
		return t, 0, false
	}
	if s[10] != 'T' && s[10] != ' ' && s[10] != '_' && s[10] != 't' {
		return t, 0, false
	}
	sec, nano, n, ok := daytime(s[11:])
	if !ok {
		return t, 0, false
	}
	n += 11
	zone, more := offset(s[n:])
	if more == 0 && strings.HasPrefix(s[n:], " ") {
		if zone, more = offset(s[n+1:]); more == 1 && len(s) > n+2 && s[n+2] != ' ' { // a word that begins with Z
			more = 0
		}
		if more > 0 {
			more++
		}
	}
	if more == 0 {
		zone = c.zone
	}
	t = time.Date(y, time.Month(mo), d, 0, 0, sec, nano, zone)
	return t, n + more, usable(t) && t.Day() == d
}

// stamp reads "Nov 21 06:48:09" and returns what it took.
func (c *clock) stamp(s string) (t time.Time, n int, ok bool) {
	mo := monthOf(s)
	if mo == 0 || len(s) < 15 || s[3] != ' ' || s[6] != ' ' {
		return t, 0, false
	}
	d, ok := number(s, 4, 2)
	if !ok && s[4] == ' ' {
		d, ok = number(s, 5, 1)
	}
	if !ok || d < 1 || d > 31 {
		return t, 0, false
	}
	sec, nano, n, ok := daytime(s[7:])
	if !ok {
		return t, 0, false
	}
	return c.thisYear(mo, d, sec, nano), 7 + n, true
}

// thisYear, or the last one where that would be in the future.
func (c *clock) thisYear(month, day, sec, nano int) time.Time {
	now := c.now().In(c.zone)
	t := time.Date(now.Year(), time.Month(month), day, 0, 0, sec, nano, c.zone)
	if t.After(now.Add(24 * time.Hour)) {
		t = time.Date(now.Year()-1, time.Month(month), day, 0, 0, sec, nano, c.zone)
	}
	return t
}

// leading reads the time at the start of a plain line, in brackets or not, and returns what it took.
func (c *clock) leading(s string) (t time.Time, n int, ok bool) {
	bracket := strings.HasPrefix(s, "[")
	inner := strings.TrimPrefix(s, "[")
	if t, n, ok = c.iso(inner); !ok {
		t, n, ok = c.stamp(inner)
	}
	if !ok {
		return t, 0, false
	}
	if zone, more := zoneAfter(inner[n:]); more > 0 {
		t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone)
		n += more
	}
	if bracket {
		if !strings.HasPrefix(inner[n:], "]") {
			return t, 0, false
		}
		return t, n + 2, true
	}
	if n < len(inner) && !strings.ContainsRune(" \t|,;:]-", rune(inner[n])) {
		return t, 0, false
	}
	return t, n, true
}

func zoneAfter(s string) (*time.Location, int) {
	for _, name := range [...]string{" UTC", " GMT"} {
		if strings.HasPrefix(s, name) && (len(s) == 4 || s[4] == ' ' || s[4] == ']') {
			return time.UTC, 4
		}
	}
	return nil, 0
}

// epoch reads a count since 1970 in seconds, milliseconds, microseconds or nanoseconds, by its size.
func epoch(v float64) (time.Time, bool) {
	switch {
	case v != v || v < 1e8:
		return time.Time{}, false
	case v < 1e11:
		return time.UnixMicro(int64(v * 1e6)).UTC(), true
	case v < 1e14:
		return time.UnixMicro(int64(v * 1e3)).UTC(), true
	case v < 1e17:
		return time.UnixMicro(int64(v)).UTC(), true
	case v < 9.2e18:
		return time.Unix(0, int64(v)).UTC(), true
	}
	return time.Time{}, false
}
