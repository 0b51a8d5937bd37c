package logging

import (
	"encoding"
	"encoding/json"
	"reflect"
)

// Bounds of a value that goes to encoding/json, which would write all of it before anything could be cut.
const (
	maxNodes = 16 << 10
	maxBytes = 1 << 20
	maxSteps = 200 // of pointers, fields and elements within each other; a cycle is deeper
)

// budget is what is left of those bounds.
type budget struct{ nodes, bytes int }

// fits walks v as encoding/json would, and stops when the budget is spent. What marshals itself counts as one.
func (b *budget) fits(v reflect.Value, depth int) bool {
	b.nodes--
	if b.nodes < 0 || b.bytes < 0 || depth > maxSteps {
		return false
	}
	if !v.IsValid() || marshals(v) {
		return true
	}
	switch v.Kind() {
	case reflect.String:
		b.bytes -= v.Len()
	case reflect.Pointer, reflect.Interface:
		return v.IsNil() || b.fits(v.Elem(), depth+1)
	case reflect.Slice, reflect.Array:
		return b.list(v, depth)
	case reflect.Map:
		for all := v.MapRange(); all.Next(); {
			if !b.fits(all.Key(), depth+1) || !b.fits(all.Value(), depth+1) {
				return false
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); (f.IsExported() || f.Anonymous) && f.Tag.Get("json") != "-" && !b.fits(v.Field(i), depth+1) {
				return false
			}
		}
	}
	return b.bytes >= 0
}

func (b *budget) list(v reflect.Value, depth int) bool {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		b.bytes -= v.Len()
		return b.bytes >= 0
	}
	for i := range v.Len() {
		if !b.fits(v.Index(i), depth+1) {
			return false
		}
	}
	return true
}

func marshals(v reflect.Value) bool {
	return v.Type().Implements(reflect.TypeFor[json.Marshaler]()) || v.Type().Implements(reflect.TypeFor[encoding.TextMarshaler]())
}
