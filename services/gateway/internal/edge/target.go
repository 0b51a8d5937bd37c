package edge

import (
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// checkTarget refuses a request target that could mean one thing here and another thing there. It
// never mends one: a path that is let through is the path that the service sees.
func checkTarget(r *http.Request, limit int) error {
	if len(r.RequestURI) > limit {
		return &problem.Error{Code: problem.Invalid, Status: http.StatusRequestURITooLong, Detail: "the URL is too long"}
	}
	raw, _, _ := strings.Cut(r.RequestURI, "?")
	if !strings.HasPrefix(raw, "/") {
		return problem.New(problem.Invalid, "the request target must be a path")
	}
	segments := strings.Split(raw[1:], "/")
	for i, s := range segments {
		last := i == len(segments)-1
		if !cleanSegment(s, last) {
			return problem.New(problem.Invalid, "the path is ambiguous: no dot segments, empty segments, backslashes or encoded slashes")
		}
	}
	if _, err := url.ParseQuery(r.URL.RawQuery); err != nil {
		return problem.New(problem.Invalid, "the query is not well-formed")
	}
	return nil
}

// cleanSegment judges one raw segment. Only the last may be empty: a trailing slash.
func cleanSegment(raw string, last bool) bool {
	if raw == "" {
		return last
	}
	if strings.ContainsFunc(raw, notInPath) {
		return false
	}
	plain, err := url.PathUnescape(raw)
	if err != nil || !utf8.ValidString(plain) || strings.ContainsAny(plain, `/\`) || strings.ContainsFunc(plain, unicode.IsControl) {
		return false
	}
	name, _, _ := strings.Cut(plain, ";") // servers elsewhere cut parameters off
	if name == "." || name == ".." {
		return false
	}
	return !encodedTwice(plain)
}

// notInPath are the characters that a path segment may not have as they are (RFC 3986).
func notInPath(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"#<>?[\\]^`{|}", r)
}

// encodedTwice finds a slash, backslash, dot or percent that a second decoding would bring out.
func encodedTwice(plain string) bool {
	lower := strings.ToLower(plain)
	for _, code := range []string{"%2f", "%5c", "%2e", "%25", "%00"} {
		if strings.Contains(lower, code) {
			return true
		}
	}
	return false
}
