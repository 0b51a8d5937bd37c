package redact

import (
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
	parts  [codes][]string // that match anywhere, by the code of their first letter
	tails  []string        // that match at the end
	starts pairs           // the first two letters of parts
	ends   pairs           // the last two of tails
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
	r := &Rules{tails: atEnd}
	for _, part := range anywhere {
		r.parts[code[part[0]]] = append(r.parts[code[part[0]]], part)
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
	return r.anywhere(name, true)
}

// keyAnywhere is Key without the parts that count at the end only.
func (r *Rules) keyAnywhere(name string) bool { return r.anywhere(name, false) }

// anywhere looks closer only where a pair of letters begins a part, or, with tails, ends one.
func (r *Rules) anywhere(name string, tails bool) bool {
	var before, last byte
	at := 0 // of last
	for i := 0; i < len(name); i++ {
		c := code[name[i]]
		if c == 0 {
			continue
		}
		if r.starts.has(last, c) {
			for _, part := range r.parts[last] {
				if begins(name[at:], part) {
					return true
				}
			}
		}
		before, last, at = last, c, i
	}
	if !tails || !r.ends.has(before, last) {
		return false
	}
	for _, part := range r.tails {
		if ends(name, part) {
			return true
		}
	}
	return false
}

// begins says whether name begins with part, as normalise would have it.
func begins(name, part string) bool {
	for i := 0; part != ""; i++ {
		switch {
		case i == len(name):
			return false
		case code[name[i]] == 0:
		case lower(name[i]) != part[0]:
			return false
		default:
			part = part[1:]
		}
	}
	return true
}

// ends says whether name ends with part, as normalise would have it.
func ends(name, part string) bool {
	for i := len(name) - 1; part != ""; i-- {
		last := len(part) - 1
		switch {
		case i < 0:
			return false
		case code[name[i]] == 0:
		case lower(name[i]) != part[last]:
			return false
		default:
			part = part[:last]
		}
	}
	return true
}

func lower(c byte) byte {
	if isUpper(c) {
		return c + 'a' - 'A'
	}
	return c
}

// normalise leaves what counts of a name: API-Key, api_key and apiKey are one.
func normalise(dst []byte, name string) []byte {
	for i := 0; i < len(name); i++ {
		if c := name[i]; !skipped(c) {
			dst = append(dst, lower(c))
		}
	}
	return dst
}
