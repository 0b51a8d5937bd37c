package cli

import (
	"fmt"
	"strings"
	"time"
)

// duration on the command line, in the forms people type: 15m, 2h, 1h30m, 20d, 2w.
type duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *duration) UnmarshalText(text []byte) error {
	total, ok := span(string(text))
	if !ok || strings.HasPrefix(string(text), "-") {
		return fmt.Errorf("%q: want a duration like 90s, 15m, 1h30m, 2d or 3w", text)
	}
	*d = duration(total)
	return nil
}

// String is Go's form, which the API reads.
func (d duration) String() string { return time.Duration(d).String() }
