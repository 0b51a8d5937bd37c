package block

import (
	"bytes"
	"strings"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// attribute asks holds of the values of that name. Records without the name's last part before a quote are not
// looked into, unless somebody may have written that part in another way; and of a plain one at the top of a plain
// object the value is read where it stands.
func (r *run) attribute(field string, among Bitmap, holds func(query.Value) bool) Bitmap {
	key := field[strings.LastIndexByte(field, '.')+1:]
	if key != plain(key) || key == "" {
		lines := r.AttrTexts()
		return r.filter(among, func(i int) bool { return within(lines[i], field, holds) })
	}
	return hits(r.Attrs, Line[0], key+`"`, among, func(_ int, line string, at int) verdict {
		if r.giveUp() {
			return no
		}
		if at > 1 && len(key) == len(field) && strings.IndexByte(line, '\\') < 0 && strings.IndexByte(line[1:at], '{') < 0 && strings.IndexByte(line[1:at], '[') < 0 {
			if line[at-1] != '"' {
				return elsewhere // the end of another name, or of a text
			}
			if v, ok := scalar(line[at+len(key)+1:]); ok {
				if holds(v) {
					return yes
				}
				return elsewhere
			}
		}
		if within(line, field, holds) {
			return yes
		}
		return no
	})
}

// scalar is what stands behind the quote that closes a name, in an object without a backslash; false if it is no
// scalar, or the quote closed something else.
func scalar(rest string) (v query.Value, ok bool) {
	rest = strings.TrimLeft(rest, " ")
	if rest == "" || rest[0] != ':' {
		return v, false
	}
	rest = strings.TrimLeft(rest[1:], " ")
	if rest == "" || rest[0] == '{' || rest[0] == '[' {
		return v, false
	}
	if rest[0] == '"' {
		end := strings.IndexByte(rest[1:], '"')
		return query.Value{Kind: query.Phrase, Text: rest[1 : 1+max(end, 0)]}, end >= 0
	}
	end := strings.IndexAny(rest, ",} ")
	if end < 0 {
		return v, false
	}
	kind := query.Digits
	switch rest[0] {
	case 't', 'f':
		kind = query.Truth
	case 'n':
		kind = query.Null
	}
	return query.Value{Kind: kind, Text: rest[:end]}, true
}

// within asks holds of all values of that name in the object.
func within(line, field string, holds func(query.Value) bool) (found bool) {
	name := []byte(field)
	walk([]byte(line), func(path, text []byte, kind query.ValueKind) {
		if !found && bytes.Equal(path, name) {
			found = holds(query.Value{Kind: kind, Text: string(text)})
		}
	})
	return found
}
