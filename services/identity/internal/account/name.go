package account

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Bounds in characters.
const (
	maxName        = 64
	maxDisplayName = 200
)

// Name checks a sign-in name and gives its stored form and the key that makes it unique: full-width
// letters, composed and decomposed ones and both cases are one name (RFC 8265, UsernameCaseMapped).
func Name(text string) (name, key string, err error) {
	if n := utf8.RuneCountInString(text); n == 0 || n > maxName || !utf8.ValidString(text) {
		return "", "", badName("must have 1 to 64 characters")
	}
	name, err = precis.UsernameCasePreserved.String(text)
	if err != nil || strings.ContainsAny(name, `/\:<>"`+"`") {
		return "", "", badName(`must be letters, digits and signs other than / \ : < > " and back quote, without spaces`)
	}
	key, err = precis.UsernameCaseMapped.CompareKey(name)
	if err != nil || key == "" {
		return "", "", badName("must be letters, digits and signs, without spaces")
	}
	return name, key, nil
}

// NameKey is the key of a name that somebody signs in with; false where no user can have it.
func NameKey(text string) (string, bool) {
	_, key, err := Name(text)
	return key, err == nil
}

// DisplayName checks the name that people read; it may be empty.
func DisplayName(text string) (string, error) {
	text = strings.TrimSpace(text)
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxDisplayName || strings.ContainsFunc(text, unseen) {
		return "", &problem.Error{Code: problem.Invalid, Detail: "the display name is not acceptable",
			Fields: []problem.Field{{Name: "/display_name", Detail: "must have at most 200 visible characters"}}}
	}
	return text, nil
}

// unseen are control characters and the format characters that turn the direction of text.
func unseen(r rune) bool {
	return unicode.IsControl(r) || (unicode.Is(unicode.Cf, r) && r != '\u200d' && r != '\u200c')
}

func badName(detail string) error {
	return &problem.Error{Code: problem.Invalid, Detail: "the name is not acceptable",
		Fields: []problem.Field{{Name: "/name", Detail: detail}}}
}
