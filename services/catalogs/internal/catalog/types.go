package catalog

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Type says what its records look like.
type Type struct {
	Name    string          // its identity, for ever
	Title   string          // for people
	Schema  json.RawMessage // JSON Schema 2020-12
	Version int64           // from 1, higher with every change
	Stamp   Stamp
}

// Stamp says who made something and who changed it last.
type Stamp struct {
	CreatedAt, UpdatedAt time.Time
	CreatedBy, UpdatedBy string // user ids
}

// Record is one object of a type.
type Record struct {
	ID       string // UUIDv7: sorts by creation
	Type     string
	Data     json.RawMessage // a JSON object
	Revision int64           // from 1, higher with every change
	Schema   int64           // the version of the type that Data was checked against
	Stamp    Stamp
}

// MaxTitle is the length of a title in characters.
const MaxTitle = 200

var typeName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)

// CheckName of a new type.
func CheckName(name string) error {
	if !typeName.MatchString(name) {
		return invalid("/name", "must be 1 to 63 of a-z, 0-9, - and _, a letter first")
	}
	return nil
}

func checkTitle(title string) (string, error) {
	title = strings.TrimSpace(title)
	if utf8.RuneCountInString(title) > MaxTitle || strings.ContainsRune(title, 0) || !utf8.ValidString(title) {
		return "", invalid("/title", fmt.Sprintf("must be text of at most %d characters", MaxTitle))
	}
	return title, nil
}

func invalid(field, detail string) error {
	return &problem.Error{Code: problem.Invalid, Detail: "the request is not valid", Fields: []problem.Field{{Name: field, Detail: detail}}}
}

// NoType is the error for a type that is not there.
func NoType(name string) error {
	return problem.New(problem.NotFound, fmt.Sprintf("there is no type %.63q", name))
}

// NoRecord is the error for a record that is not there.
func NoRecord() error { return problem.New(problem.NotFound, "there is no such record of this type") }

// Stale is the error for a change that was based on another version than the present one.
func Stale(present int64) error {
	return &problem.Error{Code: problem.Conflict, Status: 412, Detail: fmt.Sprintf("it has changed meanwhile: its version is now %d", present)}
}
