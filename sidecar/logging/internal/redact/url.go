package redact

import "strings"

// maxPassword is how far behind the place where a URL's authority seems to end its password is looked for, in bytes.
const maxPassword = 512

// userinfo finds what is secret between the scheme's slashes, which end at i, and the host. The last "@" of the authority ends
// it, since people forget to escape the ones in passwords. A user's name stays readable beside a password; alone it
// may be a token, except where it never is.
func userinfo(s string, i int) (match, int) {
	if !strings.HasSuffix(s[:i], "://") {
		return none(i)
	}
	rest := s[i:]
	end := strings.IndexAny(rest, " /?#\t\r\n\"'<>\\")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndexByte(rest[:end], '@')
	colon := strings.IndexByte(rest[:end], ':')
	if at < 0 {
		if at = unescaped(rest, colon, end); at < 0 {
			return none(i)
		}
	}
	switch n := markLength(rest); {
	case n > 0 && n < at:
		return hit(i, i+at, Password)
	case n == at:
		return none(i + at)
	case colon >= 0 && colon < at:
		if placeholder(rest[colon+1 : at]) {
			return none(i + at)
		}
		return hit(i+colon+1, i+at, Password)
	case nameOnly(s[:i]):
		return none(i + at)
	}
	return hit(i, i+at, Password)
}

// unescaped is where the "@" stands behind a password that has a slash, a question mark or a hash in it; -1: there is
// none, for what follows the colon is a port.
func unescaped(rest string, colon, end int) int {
	if colon < 0 || rest[0] == '[' || run(rest, colon+1, isDigit) == end {
		return -1
	}
	stop := min(len(rest), end+maxPassword)
	if blank := strings.IndexAny(rest[end:stop], " \t\r\n\"'<>\\"); blank >= 0 {
		stop = end + blank
	}
	return strings.LastIndexByte(rest[:stop], '@')
}

// Unfinished is where the password of a URL may begin in a text that was cut before its "@" came; the text's length if
// there is no such place.
func Unfinished(s string) int {
	i := strings.LastIndex(s, "://")
	if i < 0 {
		return len(s)
	}
	i += len("://")
	rest := s[i:]
	colon := strings.IndexByte(rest, ':')
	if colon < 0 || rest[0] == '[' || strings.ContainsAny(rest, " /?#\t\r\n\"'<>\\@") || run(rest, colon+1, isDigit) == len(rest) {
		return len(s)
	}
	return i + colon + 1
}

// dial finds the password of MySQL's form, user:password@tcp(host), whose bracket is at i.
func dial(s string, i, done int) (match, int) {
	before, ok := strings.CutSuffix(s[done:i], "@tcp")
	if !ok {
		before, ok = strings.CutSuffix(s[done:i], "@unix")
	}
	if !ok {
		return none(i + 1)
	}
	before = before[max(0, len(before)-maxPassword):]
	end := done + strings.LastIndexByte(s[done:i], '@')
	start := end - len(before) + strings.LastIndexAny(before, " \t\r\n\"'`<>") + 1
	colon := strings.IndexByte(s[start:end], ':')
	if colon < 0 || placeholder(s[start+colon+1:end]) {
		return none(i + 1)
	}
	return hit(start+colon+1, end, Password)
}

// nameOnly says that before the "@" of such a URL stands a name and never a token.
func nameOnly(before string) bool {
	for _, scheme := range [...]string{"ssh://", "sftp://", "postgres://", "postgresql://"} {
		if strings.HasSuffix(before, scheme) {
			return true
		}
	}
	return false
}
