package redact

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Anywhere are the parts that make a name a secret's wherever they stand in it.
func Anywhere() []string {
	return []string{"password", "passwd", "passphrase", "secret", "authorization", "cookie", "credential", "apikey",
		"privatekey", "accesskey", "accountkey", "signingkey", "encryptionkey", "userinfo"}
}

// AtEnd are the parts that do so only at a name's end: token_count and dsn_source are harmless.
func AtEnd() []string {
	return []string{"token", "tokens", "dsn", "pwd", "jwt", "passcode", "cardnumber", "cvv"}
}

// Rules say which names are secrets'. They do not change; safe for concurrent use.
type Rules struct {
	parts  []string // that match anywhere
	tails  []string // that match at the end
	starts pairs    // the first two letters of parts
	ends   pairs    // the last two of tails
}

// pairs is a set of two codes in a row.
type pairs [codes]uint32

func (p *pairs) add(a, b byte)      { p[code[a]] |= 1 << code[b] }
func (p *pairs) has(a, b byte) bool { return p[a]&(1<<b) != 0 }

const codes = 28

// code numbers what counts in a name: letters from 1, whatever their case, 27 for the rest, 0 for what does not count.
var code = func() (t [256]byte) {
	for c := range 256 {
		switch b := byte(c); {
		case isUpper(b):
			t[c] = b - 'A' + 1
		case isLower(b):
			t[c] = b - 'a' + 1
		case !skipped(b):
			t[c] = codes - 1
		}
	}
	return t
}()

func skipped(c byte) bool { return c == '_' || c == '-' || c == '.' || c == ' ' }

// New makes the rules: the defaults, changed by entries. "iban" hides whatever has it in its name, "*pin" what ends
// in it, "-cookie" and "-*dsn" take a default away. Case, hyphens, dots and underscores do not count.
func New(entries []string) (*Rules, error) {
	anywhere, atEnd := Anywhere(), AtEnd()
	for _, entry := range entries {
		name, remove := strings.CutPrefix(strings.TrimSpace(entry), "-")
		name, end := strings.CutPrefix(name, "*")
		list := &anywhere
		if end {
			list = &atEnd
		}
		part := string(normalise(nil, name))
		switch i := slices.Index(*list, part); {
		case len(part) < 2 || strings.ContainsAny(part, "*=,"):
			return nil, fmt.Errorf("%q is no part of a key: want two letters or more, as in iban, *pin or -cookie", entry)
		case remove && i < 0:
			return nil, fmt.Errorf("%q takes away what is not there", entry)
		case remove:
			*list = slices.Delete(*list, i, i+1)
		case i < 0:
			*list = append(*list, part)
		}
	}
	r := &Rules{parts: anywhere, tails: atEnd}
	for _, part := range anywhere {
		r.starts.add(part[0], part[1])
	}
	for _, part := range atEnd {
		r.ends.add(part[len(part)-2], part[len(part)-1])
	}
	return r, nil
}

// maxName is how much of a name's beginning, and of its end, is looked at, in bytes.
const maxName = 4 << 10

// Key says whether the value under this name must not be written, whatever its type.
func (r *Rules) Key(name string) bool {
	if len(name) > 2*maxName {
		return r.Key(name[:maxName]) || r.Key(name[len(name)-maxName:])
	}
	if !r.possible(name) {
		return false
	}
	var space [64]byte
	plain := normalise(space[:0], name)
	return r.anywhere(plain) || r.atEnd(plain)
}

// possible rules out nearly all names by the pairs of letters in them.
func (r *Rules) possible(name string) bool {
	var before, last byte
	found := false
	for i := 0; i < len(name); i++ {
		if c := code[name[i]]; c != 0 {
			before, last = last, c
			found = found || r.starts.has(before, last)
		}
	}
	return found || r.ends.has(before, last)
}

// keyAnywhere is Key without the parts that count at the end only; name is short.
func (r *Rules) keyAnywhere(name string) bool {
	var space [maxWord]byte
	return r.anywhere(normalise(space[:0], name))
}

func (r *Rules) anywhere(plain []byte) bool {
	for _, part := range r.parts {
		if bytes.Contains(plain, []byte(part)) {
			return true
		}
	}
	return false
}

func (r *Rules) atEnd(plain []byte) bool {
	for _, part := range r.tails {
		if bytes.HasSuffix(plain, []byte(part)) {
			return true
		}
	}
	return false
}

// normalise leaves what counts of a name: API-Key, api_key and apiKey are one.
func normalise(dst []byte, name string) []byte {
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case isUpper(c):
			dst = append(dst, c+'a'-'A')
		case !skipped(c):
			dst = append(dst, c)
		}
	}
	return dst
}
