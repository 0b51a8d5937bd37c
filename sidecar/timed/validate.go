package timed

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxPayload of a schedule, in bytes.
const MaxPayload = 64 << 10

const maxSpan = 31 * 24 * time.Hour

// Validate checks a schedule that service declares. Its errors are fit for whoever wrote it.
func (s Schedule) Validate(service string) error {
	if err := validName(s.Name, service); err != nil {
		return err
	}
	if err := s.validFields(); err != nil {
		return fmt.Errorf("schedule %q: %w", s.Name, err)
	}
	return nil
}

// names are the first words that a service's schedules may have: its own name, and that of the library it hosts.
func names(service string) []string {
	if service == "view-service" {
		return []string{service, "maintenance"}
	}
	return []string{service}
}

func validName(name, service string) error {
	pattern := regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*$`)
	for _, first := range names(service) {
		if what, ok := strings.CutPrefix(name, first+"."); ok && len(name) <= 128 && pattern.MatchString(what) {
			return nil
		}
	}
	return fmt.Errorf("schedule %q: its name must be %q and words of a-z, 0-9, _ and - joined by dots, 128 characters at most", name, service+".")
}

func (s Schedule) validFields() error {
	if _, err := ParseTiming(s); err != nil {
		return err
	}
	switch s.Misfire {
	case "", MisfireSkip, MisfireOnce, MisfireAll:
	default:
		return fmt.Errorf("misfire %q: must be skip, once or all", s.Misfire)
	}
	if s.Window < 0 || s.Window > maxSpan {
		return fmt.Errorf("window %s: must be between 0s and %s", s.Window, maxSpan)
	}
	if s.Deadline < 0 || s.Deadline > maxSpan {
		return fmt.Errorf("deadline %s: must be between 0s and %s", s.Deadline, maxSpan)
	}
	if len(s.Payload) > MaxPayload {
		return fmt.Errorf("payload: %d bytes, at most %d", len(s.Payload), MaxPayload)
	}
	if len(s.Payload) > 0 && (!json.Valid(s.Payload) || !utf8.Valid(s.Payload)) { // json.Valid takes any bytes in a string
		return errors.New("payload: not JSON")
	}
	return nil
}
