package health

import (
	"regexp"
	"strings"
)

// Where secrets hide in the errors of drivers: the userinfo of a URL, key=value pairs of a connection
// string or a query, JSON-like pairs, bearer tokens.
var (
	userinfo = regexp.MustCompile(`://[^\s"']*@`)
	pair     = regexp.MustCompile(`(?i)\b([\w-]*(?:password|passwd|passphrase|passfile|pwd|secret|token|api[_-]?key|credential)[\w-]*"?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&)\]}]+)`)
	bearer   = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9+/._~=-]{6,}`)
)

const errorLimit = 500 // bytes of an error shown

func mask(text string) string {
	text = userinfo.ReplaceAllString(text, "://***@")
	text = bearer.ReplaceAllString(text, "$1 ***")
	text = pair.ReplaceAllString(text, "${1}***")
	if len(text) > errorLimit {
		text = strings.ToValidUTF8(text[:errorLimit], "") + "…"
	}
	return text
}
