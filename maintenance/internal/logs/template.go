package logs

import (
	"strings"
	"time"
)

// maxTemplate is how much of a message its template is made of, in bytes.
const maxTemplate = 512

// template is the message with what differs from time to time replaced by what it is: <n> numbers, <hex>, <uuid>,
// <ip>, <duration>, <text> what was quoted. Only the first line counts.
func template(msg string) string {
	cut := false
	if i := strings.IndexByte(msg, '\n'); i >= 0 {
		msg, cut = msg[:i], true
	}
	if len(msg) > maxTemplate {
		msg, cut = strings.ToValidUTF8(msg[:maxTemplate], ""), true
	}
	var b strings.Builder
	b.Grow(len(msg) + 8)
	for at := 0; at < len(msg); {
		switch n := word(msg[at:]); {
		case n > 0:
			mask(&b, msg[at:at+n])
			at += n
		default:
			n := quoted(msg, at)
			if n > 0 {
				b.WriteString("<text>")
				at += n
				break
			}
			b.WriteByte(msg[at])
			at++
		}
	}
	if cut {
		b.WriteString("…")
	}
	return b.String()
}

// word is how long the run of letters, digits and what stands within ids and numbers is.
func word(s string) int {
	n := 0
	for n < len(s) && (alnum(s[n]) || n > 0 && n+1 < len(s) && strings.IndexByte(".:-_+", s[n]) >= 0 && alnum(s[n+1]) || s[n] == 0xc2 || s[n] == 0xb5) {
		n++
	}
	return n
}

func alnum(c byte) bool { return digit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func digit(c byte) bool { return '0' <= c && c <= '9' }

func hexadecimal(c byte) bool { return digit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }

// quoted is how long the quoted text is that begins at the place; 0 if none does. An apostrophe within a word is none.
func quoted(msg string, at int) int {
	q := msg[at]
	if q != '"' && q != '\'' && q != '`' || at > 0 && alnum(msg[at-1]) {
		return 0
	}
	for i := at + 1; i < len(msg); i++ {
		if msg[i] == '\\' {
			i++
		} else if msg[i] == q {
			return i + 1 - at
		}
	}
	return 0
}

// mask writes a word.
func mask(b *strings.Builder, w string) {
	if strings.IndexFunc(w, func(r rune) bool { return '0' <= r && r <= '9' }) < 0 {
		b.WriteString(w)
		return
	}
	switch {
	case uuid(w):
		b.WriteString("<uuid>")
	case ip(w):
		b.WriteString("<ip>")
	case duration(w):
		b.WriteString("<duration>")
	default:
		for len(w) > 0 {
			n := strings.IndexAny(w, ".:-_+")
			if n < 0 {
				n = len(w)
			}
			n = number(w, n)
			piece(b, w[:n])
			if w = w[n:]; w != "" {
				b.WriteByte(w[0])
				w = w[1:]
			}
		}
	}
}

// number takes a fraction to the digits before it.
func number(w string, n int) int {
	if n == len(w) || w[n] != '.' || strings.Trim(w[:n], "0123456789") != "" {
		return n
	}
	for n++; n < len(w) && digit(w[n]); n++ {
	}
	return n
}

// piece masks what stands between dots and the like.
func piece(b *strings.Builder, p string) {
	bare := strings.TrimPrefix(p, "0x")
	hex, digits := len(bare) >= 8 || len(bare) < len(p), 0
	for i := range len(bare) {
		if digit(bare[i]) {
			digits++
		}
		hex = hex && hexadecimal(bare[i])
	}
	switch {
	case digits > 0 && digits < len(bare) && hex:
		b.WriteString("<hex>")
		return
	case digits == 0:
		b.WriteString(p)
		return
	}
	for in := false; p != ""; p = p[1:] {
		switch number := digit(p[0]) || in && p[0] == '.'; {
		case number && !in:
			b.WriteString("<n>")
			in = true
		case !number:
			b.WriteByte(p[0])
			in = false
		}
	}
}

func uuid(w string) bool {
	if len(w) != 36 {
		return false
	}
	for i := range len(w) {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (w[i] == '-') || !dash && !hexadecimal(w[i]) {
			return false
		}
	}
	return true
}

// ip of four numbers, or six and more colons' worth of hexadecimal ones; a port may follow.
func ip(w string) bool {
	host, _, _ := strings.Cut(w, ":")
	if strings.Count(host, ".") == 3 && strings.Trim(host, "0123456789.") == "" && len(host) <= 15 {
		return strings.Trim(w[len(host):], ":0123456789") == ""
	}
	return strings.Count(w, ":") >= 5 && strings.IndexFunc(w, func(r rune) bool { return r != ':' && !hexadecimal(byte(r)) }) < 0
}

func duration(w string) bool {
	if !digit(w[0]) || w[len(w)-1] < 'h' {
		return false
	}
	_, err := time.ParseDuration(w)
	return err == nil
}
