package foreign

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// mostAttrs is how many attributes a record has by name. Those behind them are members of one, keyMore.
const (
	mostAttrs = 100
	keyMore   = "more"
)

// add appends an attribute. A key that is there already gets a number, so that neither hides the other.
func (r *Record) add(key string, v slog.Value) {
	if key == "" {
		key = "_"
	}
	if strings.HasPrefix(key, "signalbox.") {
		key = "foreign." + key // those are the ledger's
	}
	if len(r.Attrs) >= mostAttrs {
		r.more = append(r.more, slog.Attr{Key: key, Value: v})
		return
	}
	name := key
	for n := 2; slices.ContainsFunc(r.Attrs, func(a slog.Attr) bool { return a.Key == name }); n++ {
		name = fmt.Sprintf("%s#%d", key, n)
	}
	r.Attrs = append(r.Attrs, slog.Attr{Key: name, Value: v})
}

// text adds a field, unless it is empty or the "-" that means so.
func (r *Record) text(key, value string) {
	if value != "" && value != "-" {
		r.add(key, slog.StringValue(value))
	}
}

// settle makes one attribute of those that were too many.
func (r *Record) settle() {
	if len(r.more) > 0 {
		r.Attrs = append(r.Attrs, slog.Any(keyMore, json.RawMessage(appendObject(nil, r.more))))
		r.more = nil
	}
}

func appendObject(b []byte, all []slog.Attr) []byte {
	b = append(b, '{')
	for i, a := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendJSON(b, a.Key), ':')
		if a.Value.Kind() == slog.KindGroup {
			b = appendObject(b, a.Value.Group())
		} else {
			b = appendJSON(b, a.Value.Any())
		}
	}
	return append(b, '}')
}

// appendJSON appends what this package makes values of; none of them can fail.
func appendJSON(b []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		text = []byte(`"!ERROR"`)
	}
	return append(b, text...)
}
