package timed

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

// MaxPayload of a schedule, in bytes.
const MaxPayload = 64 << 10

// Bounds of a schedule's policies.
const (
	maxSpan     = 31 * 24 * time.Hour
	maxBackoff  = time.Hour
	maxAttempts = 100
	maxCatchUp  = 1000
)

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

// Owner is the service whose schedules begin with that word.
func Owner(first string) string {
	if first == "maintenance" {
		return "view-service"
	}
	return first
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
	if _, err := timing.Parse(s.When()); err != nil {
		return err
	}
	for _, c := range []struct {
		field, value string
		known        []string
	}{
		{"misfire", s.Misfire, []string{MisfireSkip, MisfireOnce, MisfireAll}},
		{"overlap", s.Overlap, []string{OverlapAllow, OverlapSkip, OverlapBufferOne, OverlapBufferAll, OverlapCancel}},
		{"in_window", s.InWindow, []string{InWindowRun, InWindowHold, InWindowSkip}},
		{"done_when", s.DoneWhen, []string{DonePublished, DoneReceived, DoneCompleted}},
		{"target", s.Target, []string{TargetBus, TargetHTTP, TargetPoll}},
	} {
		if c.value != "" && !slices.Contains(c.known, c.value) {
			return fmt.Errorf("%s %q: must be one of %s", c.field, c.value, strings.Join(c.known, ", "))
		}
	}
	if err := s.validBounds(); err != nil {
		return err
	}
	if (s.Target == TargetHTTP) != (s.URL != "") {
		return errors.New("url: belongs to the target http, which needs one")
	}
	if len(s.Payload) > MaxPayload {
		return fmt.Errorf("payload: %d bytes, at most %d", len(s.Payload), MaxPayload)
	}
	if len(s.Payload) > 0 && (!json.Valid(s.Payload) || !utf8.Valid(s.Payload)) { // json.Valid takes any bytes in a string
		return errors.New("payload: not JSON")
	}
	return nil
}

func (s Schedule) validBounds() error {
	for _, c := range []struct {
		field string
		value time.Duration
		limit time.Duration
	}{
		{"window", s.Window, maxSpan}, {"deadline", s.Deadline, maxSpan}, {"backoff", s.Backoff, maxBackoff},
	} {
		if c.value < 0 || c.value > c.limit {
			return fmt.Errorf("%s %s: must be between 0s and %s", c.field, c.value, c.limit)
		}
	}
	if s.Attempts < 0 || s.Attempts > maxAttempts {
		return fmt.Errorf("attempts %d: must be between 1 and %d", s.Attempts, maxAttempts)
	}
	if s.CatchUp < 0 || s.CatchUp > maxCatchUp {
		return fmt.Errorf("catch_up_per_second %d: must be between 1 and %d", s.CatchUp, maxCatchUp)
	}
	return nil
}
