package record

import "strings"

// clean makes s storable as PostgreSQL text: valid UTF-8 without NUL, cut at max bytes.
func clean(s string, max int) string {
	const cut = "…[cut]"
	if len(s) > max {
		s = s[:max-len(cut)] + cut
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func name(s string) string { return clean(s, maxName) }
