package web

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// For every text that is JSON, plausible says what a decoder would have found.
func FuzzPlausible(f *testing.F) {
	for _, seed := range []string{`{}`, `[[[]]]`, `{"a":"]]]"}`, `"\"[["`, `{"a\\":[{"b":[]}]}`, `[1,[2],[[3]]]`, `["\u0000"]`, `["\\u0000"]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var v any
		if json.Unmarshal([]byte(text), &v) != nil {
			_ = plausible([]byte(text), 3)
			return
		}
		for limit := range 6 {
			if got, want := plausible([]byte(text), limit) != nil, depth(v) > limit || nul(v); got != want {
				t.Errorf("%q refused at %d: %v, is %d deep", text, limit, got, depth(v))
			}
		}
	})
}

func depth(v any) int {
	deepest := 0
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			deepest = max(deepest, depth(e))
		}
		return deepest + 1
	case []any:
		for _, e := range v {
			deepest = max(deepest, depth(e))
		}
		return deepest + 1
	default:
		return 0
	}
}

func nul(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, "\x00")
	case map[string]any:
		for k, e := range v {
			if nul(k) || nul(e) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, nul)
	}
	return false
}
