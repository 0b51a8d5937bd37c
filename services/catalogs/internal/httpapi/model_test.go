package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestFilterAgreesWithAModel: for random values and conditions the database answers what the README says.
func TestFilterAgreesWithAModel(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.createType("lamp", `{}`)
	values := []string{"", "null", "true", "false", "0", "1", "1.0", "-2.5", "1e2", `"1"`, `""`, `"a"`, `"ab"`, `"true"`, `"null"`, `"a b"`, `[1]`, `{"x":1}`}
	for i, v := range values {
		data := fmt.Sprintf(`{"n":%d,"o":{"v":%s}}`, i, v)
		if v == "" {
			data = fmt.Sprintf(`{"n":%d,"o":{}}`, i)
		}
		r.createRecord("lamp", data)
	}
	scalars := slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" || v[0] == '[' || v[0] == '{' })
	condition := rapid.Custom(func(t *rapid.T) model {
		m := model{op: rapid.SampledFrom([]string{"=", "!=", "<", "<=", ">", ">=", "^="}).Draw(t, "op"), value: rapid.SampledFrom(scalars).Draw(t, "value")}
		text := m.value[0] == '"'
		if m.op == "^=" && !text || m.value == "null" && m.op != "!=" || text && strings.ContainsAny(m.op, "<>") {
			m.op = "=" // refused, or (texts in order) a matter of the database's collation
		}
		return m
	})
	rapid.Check(t, func(t *rapid.T) {
		var words []string
		all := rapid.SliceOfN(condition, 1, 3).Draw(t, "conditions")
		for _, m := range all {
			words = append(words, "o.v"+m.op+m.value)
		}
		want := []any{}
		for i, v := range values {
			if !slices.ContainsFunc(all, func(m model) bool { return !m.holds(v) }) {
				want = append(want, float64(i))
			}
		}
		a := r.list("filter=" + url.QueryEscape(strings.Join(words, " and ")))
		if diff := cmp.Diff(want, append([]any{}, a.items("n")...)); a.status != 200 || diff != "" {
			t.Fatalf("%v: %d %s", words, a.status, diff)
		}
	})
}

// model is a condition as the README describes it.
type model struct{ op, value string }

func (m model) holds(field string) bool {
	if m.value == "null" {
		return (field == "" || field == "null") == (m.op == "=")
	}
	f, v := decode(field), decode(m.value)
	switch m.op {
	case "=":
		return f == v
	case "!=":
		return f != v
	case "^=":
		s, ok := f.(string)
		return ok && strings.HasPrefix(s, v.(string))
	}
	return compare(m.op, f, v)
}

func compare(op string, f, v any) bool {
	a, ok := rank(f)
	b, same := rank(v)
	if !ok || !same || fmt.Sprintf("%T", f) != fmt.Sprintf("%T", v) {
		return false
	}
	switch op {
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	default:
		return a >= b
	}
}

func rank(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// decode makes scalars comparable; what is none equals nothing that a filter can say.
func decode(text string) any {
	var v any
	if text == "" || text[0] == '[' || text[0] == '{' || json.Unmarshal([]byte(text), &v) != nil || v == nil {
		return struct{ text string }{text}
	}
	return v
}
