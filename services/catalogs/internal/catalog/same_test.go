package catalog_test

import (
	"encoding/json"
	"testing"

	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/catalog"
)

func TestSameData(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`{"a":1,"b":[true,null,"x"]}`, `{ "b": [true, null, "x"], "a": 1.0 }`, true},
		{`{"a":1e2}`, `{"a":100}`, true},
		{`{"a":0.1}`, `{"a":0.10000000000000001}`, false},
		{`{"a":1}`, `{"a":"1"}`, false},
		{`{"a":null}`, `{}`, false},
		{`{"a":null}`, `{"b":null}`, false},
		{`{"a":[1,2]}`, `{"a":[2,1]}`, false},
		{`{"a":{"b":{}}}`, `{"a":{"b":[]}}`, false},
		{`{"a":1}`, `not JSON`, false},
	} {
		if got := catalog.SameData(json.RawMessage(c.a), json.RawMessage(c.b)); got != c.same {
			t.Errorf("%s and %s: %v", c.a, c.b, got)
		}
	}
}
