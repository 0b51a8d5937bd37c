package logging

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
)

// guessed is the size that a value is taken for which is not looked into, in bytes.
const guessed = 48

// madeErrors are errors whose text is there already.
var madeErrors = [...]reflect.Type{reflect.TypeOf(errors.New("x")), reflect.TypeOf(fmt.Errorf("x: %w", errors.ErrUnsupported))}

// guess appends something of the size that a value may have. A line that is weighed is one whose level is off: its
// caller does not expect that a method of theirs is called, which may take a lock that they hold, nor that a map is read
// which others write to. So only what cannot change is looked at.
func (e *encoder) guess(v any) {
	size := guessed
	switch x := v.(type) {
	case nil:
		size = len("null")
	case slog.LogValuer:
	case error:
		if t := reflect.TypeOf(v); t == madeErrors[0] || t == madeErrors[1] {
			e.text(x.Error(), maxString)
			return
		}
	case []byte:
		size = min(len(x), maxString)
	default:
		switch r := reflect.ValueOf(v); {
		case r.Kind() == reflect.String:
			size = min(r.Len(), maxString) + len(`""`)
		case r.Kind() <= reflect.Float64:
			size = len("12345")
		}
	}
	e.buf = append(e.buf, strings.Repeat(" ", size)...)
}
