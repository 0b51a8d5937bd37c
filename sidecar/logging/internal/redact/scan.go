package redact

import "strings"

// A trigger is two bytes in a row at which a detector looks: each secret has one of them in it or just before it. The
// second byte says which detector, as a bit; the first one which detectors it lets through.
const (
	onBlank uint16 = 1 << iota
	onDigit
	onUnderscore
	onHyphen
	onDot
	onDash
	onAmazon
	onJWT
	onColon
	onSlash
	onEquals
	onQuote
	onMark
	onTag
	onDial
)

var second = func() (t [256]uint16) {
	for c, bit := range map[byte]uint16{' ': onBlank, '2': onDigit, '3': onDigit, '4': onDigit, '5': onDigit, '6': onDigit, '.': onDot,
		'_': onUnderscore, '-': onHyphen | onDash, 'A': onAmazon, 'J': onJWT, ':': onColon, '/': onSlash, '=': onEquals, '\'': onQuote, '[': onMark,
		'>': onTag, '(': onDial} {
		t[c] = bit
	}
	return t
}()

var first = func() (t [256]uint16) {
	for c := range t {
		b := byte(c)
		t[c] = onEquals | onMark
		if !isAlnum(b) {
			t[c] |= onDigit | onAmazon
		}
		if isUpper(b) || isLower(b) || strings.IndexByte("\"'` ]_", b) >= 0 {
			t[c] |= onColon | onTag
		}
	}
	for _, issuer := range issuers {
		n := len(issuer.prefix)
		t[issuer.prefix[n-2]] |= second[issuer.prefix[n-1]] &^ onDash
	}
	for bit, set := range map[uint16]string{onBlank: "rRcC", onDash: "-", onJWT: "y", onSlash: "/", onQuote: " ", onDial: "px"} {
		for _, c := range []byte(set) {
			t[c] |= bit
		}
	}
	return t
}()

// next is where the next trigger's second byte stands at or after i, or the end.
func next(s string, i int) int {
	var before byte
	if 0 < i && i < len(s) {
		before = s[i-1]
	}
	for ; i < len(s); i++ {
		c := s[i]
		if first[before]&second[c] != 0 {
			return i
		}
		before = c
	}
	return i
}

// at looks for a secret around the trigger at i; nothing before done may be replaced any more.
func (r *Rules) at(s string, i, done int) (match, int) {
	switch s[i] {
	case ' ':
		return credentials(s, i)
	case '2', '3', '4', '5', '6':
		return card(s, i)
	case '.', '_':
		return prefixed(s, i, done)
	case '-':
		return r.dash(s, i, done)
	case 'A':
		return amazon(s, i)
	case 'J':
		return jwt(s, i, done)
	case '/':
		return userinfo(s, i+1)
	case ':':
		return r.colon(s, i)
	case '=':
		return r.equals(s, i)
	case '\'':
		return sqlPassword(s, i)
	case '>':
		return r.tag(s, i)
	case '(':
		return dial(s, i, done)
	}
	return none(i + markLength(s[i:]))
}

// dash begins a private key or a flag, or belongs to the prefix of a token.
func (r *Rules) dash(s string, i, done int) (match, int) {
	if i == 0 || s[i-1] != '-' {
		return prefixed(s, i, done)
	}
	if i > done && strings.HasPrefix(s[i-1:], pemBegin) {
		return privateKey(s, i-1)
	}
	return r.flag(s, i-1)
}

// markLength is the length of the mark at the start of s, or 0.
func markLength(s string) int {
	if !strings.HasPrefix(s, opening) {
		return 0
	}
	for k := range Kinds {
		if mark := k.Mark(); strings.HasPrefix(s, mark) {
			return len(mark)
		}
	}
	return 0
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isAlnum(c byte) bool { return isDigit(c) || isUpper(c) || isLower(c) }

// inToken says whether c stands in URL-safe base64, and so in most tokens.
func inToken(c byte) bool { return isAlnum(c) || c == '-' || c == '_' }

// run is the end of the bytes from i on that are in set.
func run(s string, i int, set func(byte) bool) int {
	for i < len(s) && set(s[i]) {
		i++
	}
	return i
}

// startsWord says that what begins at i is not the rest of a longer word or number.
func startsWord(s string, i int) bool { return i == 0 || !isAlnum(s[i-1]) }

// endsWord says the same of what ends before i.
func endsWord(s string, i int) bool { return i >= len(s) || !isAlnum(s[i]) }
