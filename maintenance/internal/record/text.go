package record

import "strings"

// unit separates texts where the store keeps many in one: see package block.
const unit = "\x1e"

// clean makes s storable: valid UTF-8 without NUL and without the store's separator, cut at max bytes.
func clean(s string, max int) string {
	const cut = "…[cut]"
	if len(s) <= max && plain(s) {
		return s
	}
	if len(s) > max {
		s = s[:max-len(cut)] + cut
	}
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	return strings.ReplaceAll(s, unit, "\uFFFD")
}

// plain texts are storable as they are: ASCII without NUL and the separator. Nearly all are.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= 0x80 || c == 0 || c == unit[0] {
			return false
		}
	}
	return true
}

func name(s string) string { return clean(s, maxName) }
