package password

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Bounds of a password: the lower one in characters, the upper one in bytes.
const (
	MinLength = 12
	MaxBytes  = 256
)

// Normalize gives the form that is hashed, so that a password typed on another keyboard is the same
// bytes (RFC 8265: NFC, other spaces become the plain one).
func Normalize(plain string) string {
	plain = strings.Map(func(r rune) rune {
		switch r {
		case '\u00a0', '\u2007', '\u202f', '\u3000':
			return ' '
		}
		return r
	}, plain)
	return norm.NFC.String(plain)
}

// Check refuses a new password that is too short, too long, or the user's name in another coat.
// It says nothing about a password that is being verified.
func Check(plain, name string) error {
	switch {
	case !utf8.ValidString(plain) || strings.ContainsRune(plain, 0):
		return refuse("must be valid UTF-8 without NUL")
	case utf8.RuneCountInString(plain) < MinLength:
		return refuse("must have at least 12 characters")
	case len(plain) > MaxBytes:
		return refuse("must have at most 256 bytes")
	case name != "" && strings.Contains(strings.ToLower(plain), strings.ToLower(name)) && len(plain) < 2*len(name)+8:
		return refuse("must not be made of the name")
	case strings.Count(plain, plain[:1]) == len(plain):
		return refuse("must not be one character repeated")
	}
	return nil
}

func refuse(detail string) error {
	return &problem.Error{Code: problem.Invalid, Detail: "the password is not acceptable",
		Fields: []problem.Field{{Name: "/password", Detail: detail}}}
}
