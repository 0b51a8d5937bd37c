package logging

import (
	"sync"

	"github.com/signalbox-mesh/signalbox/sidecar/logging/internal/redact"
)

// standard are the rules without an operator's changes; they never change.
var standard = sync.OnceValue(func() *redact.Rules {
	r, err := redact.New(nil)
	if err != nil {
		panic(err) // the defaults are constants
	}
	return r
})

// Redact returns text without the secrets that are known by their shape or by the name before them, each replaced by
// a mark with its kind ([redacted:jwt]), and text itself if there are none. It is what every record goes through,
// for text that goes elsewhere; keys that an operator has added are not known to it. Redacting twice changes nothing.
// Safe for concurrent use.
func Redact(text string) string { return standard().Text(text, nil) }

// clean is redaction for one text. A mistake in it must not cost the caller more than this text.
func (f *format) clean(s string) (out string) {
	defer func() {
		if p := recover(); p != nil {
			out = "!PANIC: redaction"
		}
	}()
	return f.rules.Text(s, f.tally.found)
}
