package redact

import "strings"

// maxWord bounds the name before a colon or an equals sign, in bytes.
const maxWord = 96

// equals finds the value after the equals sign at i: key=value, key = value, ?key=value&….
func (r *Rules) equals(s string, i int) (match, int) {
	if i+1 < len(s) && s[i+1] == '=' {
		return none(i + 2)
	}
	end := i
	if end > 0 && s[end-1] == ' ' {
		end--
	}
	if end > 0 && (s[end-1] == '"' || s[end-1] == '\'') { // "key"=value
		end--
	}
	start := wordStart(s, end)
	key := s[start:end]
	if key == "" || !r.Key(key) && !(inQuery(s, start) && signs(key)) {
		return none(i + 1)
	}
	return value(s, i+1)
}

// inQuery says that a query parameter begins at start.
func inQuery(s string, start int) bool { return start > 0 && (s[start-1] == '?' || s[start-1] == '&') }

// signs are the parameters that are secrets in a URL alone: of a signed one whoever has it may use it.
func signs(key string) bool {
	var space [maxWord]byte
	plain := string(normalise(space[:0], key))
	return plain == "sig" || plain == "auth" || plain == "key" || strings.HasSuffix(plain, "signature")
}

// colon finds the value after the colon at i.
func (r *Rules) colon(s string, i int) (match, int) {
	if strings.HasPrefix(s[i+1:], "//") {
		return none(i + 1)
	}
	end := i
	if end > 0 && s[end-1] == ' ' {
		end--
	}
	if end == 0 {
		return none(i + 1)
	}
	if c := s[end-1]; c == '"' || c == '\'' || c == '`' {
		return r.quoted(s, i, end-1)
	}
	if end < i || !isAlnum(s[end-1]) || isDigit(s[end-1]) {
		return none(i + 1)
	}
	key := s[wordStart(s, end):end]
	if len(key) < 3 || !r.Key(key) {
		return none(i + 1)
	}
	if !r.keyAnywhere(key) && sentence(s, i+1, key) {
		return none(i + 1)
	}
	return header(s, i+1, key)
}

// sentence says that what follows "key:" is no secret, as in "unexpected token: …": it is short, or has no digit where it
// begins. It looks no further, for in a text that repeats the key each place would look to the end.
func sentence(s string, i int, key string) bool {
	const enough = 512 // bytes
	m, _ := header(s[:min(len(s), i+enough)], i, key)
	v := s[m.start:m.end]
	return len(v) < 8 || !strings.ContainsAny(v, "0123456789")
}

// quoted finds the value of "key": value, as JSON and Python write it; the key's end is given.
func (r *Rules) quoted(s string, colon, end int) (match, int) {
	for end > 0 && s[end-1] == '\\' {
		end--
	}
	key := s[wordStart(s, end):end]
	if key == "" || !r.Key(key) {
		return none(colon + 1)
	}
	return value(s, colon+1)
}

// header finds what follows "key:" in running text. There a colon also ends half a sentence ("wrong password: try
// again"), so a word among words is no secret.
func header(s string, i int, key string) (match, int) {
	start := blanks(s, i)
	if start < len(s) && strings.IndexByte("\"'`[{\\", s[start]) >= 0 {
		return value(s, i)
	}
	if isHeader(key) {
		const enough = 256 // bytes, to see what line it is
		head := s[start:min(len(s), start+enough)]
		head = head[:lineEnd(head)]
		if n := schemeLength(head); n > 0 {
			return authorization(s, start+n)
		}
		if strings.Contains(head, "=") {
			return secret(s, start, start+lineEnd(s[start:]))
		}
	}
	end := bareEnd(s, start)
	if prose(s, start, end) {
		return none(i)
	}
	return secret(s, start, end)
}

// authorization hides what follows the scheme that ends before the blank at i: as what it is, or all of the line.
func authorization(s string, i int) (match, int) {
	if m, after := credentials(s, i); m.end > 0 {
		return m, after
	}
	rest := s[i+1:]
	if strings.HasPrefix(rest, "eyJ") {
		if m, after := jwt(s, i+len("eyJ"), i+1); m.end > 0 {
			return m, after
		}
	}
	if markLength(rest) > 0 {
		return none(i + 1)
	}
	return secret(s, i+1, i+1+lineEnd(rest))
}

// isHeader says that the whole line behind the name belongs to it.
func isHeader(key string) bool {
	var space [maxWord]byte
	plain := string(normalise(space[:0], key))
	return strings.HasSuffix(plain, "cookie") || strings.HasSuffix(plain, "authorization")
}

// schemeLength is the length of the authorization scheme at the start of a line, 0 without one.
func schemeLength(line string) int {
	first, rest, _ := strings.Cut(line, " ")
	for _, known := range [...]string{"Bearer", "Basic", "Digest", "Negotiate", "NTLM", "Token", "ApiKey", "Key"} {
		if strings.EqualFold(first, known) && rest != "" {
			return len(first)
		}
	}
	return 0
}

func lineEnd(s string) int {
	if n := strings.IndexAny(s, "\r\n\"'\\"); n >= 0 {
		return n
	}
	return len(s)
}

// prose says that s[start:end] is a word of a sentence: short letters alone, with another word behind it that
// begins nothing new.
func prose(s string, start, end int) bool {
	word := s[start:end]
	if strings.IndexFunc(word, func(r rune) bool { return r < 'a' || r > 'z' }) >= 0 || len(word) > 16 {
		return false
	}
	if end+1 >= len(s) || s[end] != ' ' || !isAlnum(s[end+1]) {
		return false
	}
	after := run(s, end+1, inToken)
	return after == len(s) || s[after] != ':' && s[after] != '='
}

// tag finds what stands between <key> and the next tag.
func (r *Rules) tag(s string, i int) (match, int) {
	start := wordStart(s, i)
	if start == 0 || s[start-1] != '<' || !r.Key(s[start:i]) {
		return none(i + 1)
	}
	end := strings.IndexByte(s[i+1:], '<')
	if end < 0 {
		end = len(s) - i - 1 // it was cut
	}
	return secret(s, i+1, i+1+end)
}

// flag finds the value of "--key value" on a command line; "--key=value" is found at its equals sign.
func (r *Rules) flag(s string, i int) (match, int) {
	end := i + 2
	for end < len(s) && end < i+maxWord && inToken(s[end]) {
		end++
	}
	if end+1 >= len(s) || s[end] != ' ' || s[end+1] == '-' || !startsFlag(s, i) || !r.Key(s[i+2:end]) {
		return none(i + 2)
	}
	if prose(s, end+1, bareEnd(s, end+1)) {
		return none(i + 2)
	}
	return value(s, end+1)
}

func startsFlag(s string, i int) bool { return i == 0 || !inToken(s[i-1]) }

// sqlPassword finds the literal that begins at i after PASSWORD or IDENTIFIED BY.
func sqlPassword(s string, i int) (match, int) {
	for _, words := range [...]string{"password ", "identified by "} {
		if n := i - len(words); n >= 0 && strings.EqualFold(s[n:i], words) && startsWord(s, n) {
			m, after := value(s, i)
			m.kind = Password
			return m, after
		}
	}
	return none(i + 1)
}

// wordStart is where the name begins that ends before end.
func wordStart(s string, end int) int {
	start := end
	for start > 0 && end-start < maxWord && inName(s[start-1]) {
		start--
	}
	return start
}

// inName: what a name is made of; user[password] and user%5Bpassword%5D are names too.
func inName(c byte) bool { return inToken(c) || c == '.' || c == '%' || c == '[' || c == ']' }
