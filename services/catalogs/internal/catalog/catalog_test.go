package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

func validator(t *testing.T, schema string) func(data string) error {
	t.Helper()
	text, err := checkSchema(json.RawMessage(schema))
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPool(text)
	if err != nil {
		t.Fatal(err)
	}
	return func(data string) error {
		value, _, err := object(json.RawMessage(data))
		if err != nil {
			return err
		}
		return p.validate(value, "/data")
	}
}

// A schema may not make a validation endless, whichever way it multiplies the steps.
func TestCostlySchemasEnd(t *testing.T) {
	doubling := func(keyword, leaf string) string {
		defs := []string{fmt.Sprintf(`"d0":%s`, leaf)}
		for i := 1; i <= 40; i++ {
			ref := fmt.Sprintf(`{"$ref":"#/$defs/d%d"}`, i-1)
			defs = append(defs, fmt.Sprintf(`"d%d":{"%s":[%s,%s]}`, i, keyword, ref, ref))
		}
		return `{"$defs":{` + strings.Join(defs, ",") + `},"$ref":"#/$defs/d40"}`
	}
	spine := strings.Repeat(`{"a":`, 30) + "{}" + strings.Repeat("}", 30)
	for name, test := range map[string]struct{ schema, data string }{
		"allOf that holds":       {doubling("allOf", `{"type":"object"}`), "{}"},
		"allOf that fails":       {doubling("allOf", `{"type":"string"}`), "{}"},
		"anyOf that fails":       {doubling("anyOf", `{"type":"string"}`), "{}"},
		"oneOf that fails":       {doubling("oneOf", `false`), "{}"},
		"oneOf that holds":       {doubling("oneOf", `{"required":["x"]}`), "{}"},
		"recursion in a spine":   {`{"allOf":[{"properties":{"a":{"$ref":"#"}}},{"properties":{"a":{"$ref":"#"}}}]}`, spine},
		"patterns over a spine":  {`{"patternProperties":{"a":{"$ref":"#"},"^a":{"$ref":"#"}}}`, spine},
		"conditions on a spine":  {`{"if":{"properties":{"a":{"$ref":"#"}}},"then":{"properties":{"a":{"$ref":"#"}}}}`, spine},
		"formats do not shelter": {doubling("anyOf", `{"type":"object","format":"regex","properties":{"a":false}}`), `{"a":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			err := validator(t, test.schema)(test.data)
			if problem.CodeOf(err) != problem.Invalid {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestHonestSchemasHaveRoom(t *testing.T) {
	tree := validator(t, `{"$defs":{"node":{"type":"object","properties":{"l":{"$ref":"#/$defs/node"},"r":{"$ref":"#/$defs/node"},"v":{"type":"integer"}}}},
		"properties":{"root":{"$ref":"#/$defs/node"}}}`)
	if err := tree(`{"root":` + strings.Repeat(`{"v":1,"l":{},"r":`, 25) + "{}" + strings.Repeat("}", 25) + "}"); err != nil {
		t.Error(err)
	}
	list := validator(t, `{"properties":{"all":{"type":"array","uniqueItems":true,"items":{"type":"object","required":["id"],"properties":{"id":{"type":"integer"},"mail":{"format":"email"}}}}}}`)
	var items []string
	for i := range 20000 {
		items = append(items, fmt.Sprintf(`{"id":%d,"mail":"a@example.com"}`, i))
	}
	if err := list(`{"all":[` + strings.Join(items, ",") + `]}`); err != nil {
		t.Error(err)
	}
}

func TestErrorsPointAtTheData(t *testing.T) {
	check := validator(t, `{"required":["name"],"properties":{"size":{"properties":{"a/b":{"type":"integer"}}},"mail":{"format":"email"}}}`)
	var got *problem.Error
	if err := check(`{"size":{"a/b":"x"},"mail":"none"}`); !asProblem(err, &got) {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, f := range got.Fields {
		names[f.Name] = f.Detail != ""
	}
	if diff := cmp.Diff(map[string]bool{"/data": true, "/data/size/a~1b": true, "/data/mail": true}, names); diff != "" {
		t.Error(diff)
	}
	many := validator(t, `{"additionalProperties":false}`)
	var fields []string
	for i := range 100 {
		fields = append(fields, fmt.Sprintf(`"%s%d":1`, strings.Repeat("k", 100), i))
	}
	if err := many("{" + strings.Join(fields, ",") + "}"); !asProblem(err, &got) || len(got.Fields) > maxFields || len(got.Fields[0].Detail) > maxDetail+3 {
		t.Errorf("%d fields", len(got.Fields))
	}
}

func asProblem(err error, to **problem.Error) bool {
	return errors.As(err, to)
}

func TestASchemaCannotStandForTheMetaSchema(t *testing.T) {
	for _, schema := range []string{
		`{"$id":"https://json-schema.org/draft/2020-12/schema","type":"object"}`, `{"$id":"catalog:///type","$ref":"other"}`,
		`{"$defs":{"a":{"$id":"https://json-schema.org/draft/2020-12/meta/core","type":"string"}},"properties":{"x":{"$ref":"https://json-schema.org/draft/2020-12/meta/core"}}}`,
	} {
		if _, err := checkSchema(json.RawMessage(schema)); err == nil {
			_ = validator(t, schema)(`{"x":{}}`) // whatever it says, it ends and does not panic
		}
	}
	if err := validator(t, `{"type":"object"}`)(`{}`); err != nil {
		t.Errorf("another type's schema has changed the rules: %v", err)
	}
}

func TestFilterParses(t *testing.T) {
	got, err := ParseFilter(`price>=10 and "a b".c^="x y" AND @created_by!=me`)
	if err != nil {
		t.Fatal(err)
	}
	want := Filter{
		{Field: Field{Path: []string{"price"}}, Operator: GreaterEqual, Value: json.RawMessage(`10`)},
		{Field: Field{Path: []string{"a b", "c"}}, Operator: BeginsWith, Value: json.RawMessage(`"x y"`)},
		{Field: Field{Attribute: CreatedBy}, Operator: NotEqual, Value: json.RawMessage(`"me"`)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzParseQuery(f *testing.F) {
	f.Add("price>=10 and name^=\"x\"", "price desc", "")
	f.Add(`"a\"b".c!=null and @id=01234567-0000-7000-8000-000000000000`, `"a b" asc`, "e30")
	f.Fuzz(func(t *testing.T, filter, order, page string) {
		q, err := ParseQuery("lamp", filter, order, 10, page)
		if err != nil {
			if problem.CodeOf(err) != problem.Invalid {
				t.Fatalf("%v is not the client's fault", err)
			}
			return
		}
		for _, c := range q.Filter {
			if !json.Valid(c.Value) || (c.Field.Attribute == "") == (len(c.Field.Path) == 0) {
				t.Fatalf("%q gives %+v", filter, c)
			}
		}
		next, err := q.Page(Position{Key: json.RawMessage(`"2026-01-01T00:00:00Z"`), ID: "01234567-0000-7000-8000-000000000000"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseQuery("lamp", filter, order, 10, next); err != nil && q.Order.Field.Attribute != ID {
			t.Fatalf("our own page is refused: %v", err)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"a":[1,"x",null,{"b":1e5}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := parse(data)
		if err != nil {
			return
		}
		text, err := encode(v)
		if err != nil || !json.Valid(text) {
			t.Fatalf("%q becomes %q, %v", data, text, err)
		}
		if _, err := parse(text); err != nil {
			t.Fatalf("%q becomes %q, which is refused: %v", data, text, err)
		}
	})
}
