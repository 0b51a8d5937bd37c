package catalog

import (
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// maxWork bounds one validation. A schema of a few hundred bytes can ask for 2^32 steps (allOf of two
// references to an allOf of two references …), and the library cannot be interrupted; so each step of a
// validation pays before it looks further, and one that cannot pay ends it. An honest step costs a few.
const maxWork = 500_000

// errWork is thrown through the library by a validation that has used up its budget.
type errWork struct{}

// budget belongs to one compiled schema, which is used by one validation at a time.
type budget struct{ left int }

func (b *budget) pay(n int) {
	if b.left -= n; b.left < 0 {
		panic(errWork{})
	}
}

// meter makes every subschema pay. The library asks a schema's format before its references,
// applicators and properties, so that is where the price stands.
func meter(root *jsonschema.Schema) *budget {
	b := &budget{}
	for _, s := range reach(root) {
		if s.Bool == nil {
			s.Format = b.priced(s)
		}
	}
	return b
}

func (b *budget) priced(s *jsonschema.Schema) *jsonschema.Format {
	own := s.Format
	price := 1 + len(children(s)) + len(s.Required)
	name := ""
	if own != nil {
		// The library treats the name regex in a way of its own that would pass the price by.
		name = strings.Replace(own.Name, "regex", "regular expression", 1)
	}
	return &jsonschema.Format{Name: name, Validate: func(v any) error {
		b.pay(price + breadth(v))
		if own == nil {
			return nil
		}
		return own.Validate(v)
	}}
}

// breadth is what looking at a value once costs.
func breadth(v any) int {
	switch v := v.(type) {
	case map[string]any:
		return len(v)
	case []any:
		return len(v)
	case string:
		return len(v) / 64
	default:
		return 0
	}
}

// checkReach refuses what leads out of the schema or cannot be metered.
func checkReach(root *jsonschema.Schema) error {
	for _, s := range reach(root) {
		if !strings.HasPrefix(s.Location, schemaURL+"#") {
			return fmt.Errorf("refers to another document; use $defs")
		}
		if s.DynamicRef != nil || s.RecursiveRef != nil {
			return fmt.Errorf("uses $dynamicRef; use $ref")
		}
	}
	return nil
}

// reach lists every schema that a validation from root can come to.
func reach(root *jsonschema.Schema) []*jsonschema.Schema {
	seen := map[*jsonschema.Schema]bool{root: true}
	all := []*jsonschema.Schema{root}
	for i := 0; i < len(all); i++ {
		for _, c := range children(all[i]) {
			if !seen[c] {
				seen[c] = true
				all = append(all, c)
			}
		}
	}
	return all
}

func children(s *jsonschema.Schema) []*jsonschema.Schema {
	var out []*jsonschema.Schema
	add := func(all ...*jsonschema.Schema) {
		for _, c := range all {
			if c != nil {
				out = append(out, c)
			}
		}
	}
	add(s.Ref, s.RecursiveRef, s.Not, s.If, s.Then, s.Else, s.PropertyNames, s.UnevaluatedProperties,
		s.Contains, s.Items2020, s.UnevaluatedItems, s.ContentSchema)
	if s.DynamicRef != nil {
		add(s.DynamicRef.Ref)
	}
	add(s.AllOf...)
	add(s.AnyOf...)
	add(s.OneOf...)
	add(s.PrefixItems...)
	for _, c := range s.Properties {
		add(c)
	}
	for _, c := range s.PatternProperties {
		add(c)
	}
	for _, c := range s.DependentSchemas {
		add(c)
	}
	for _, c := range s.Dependencies {
		add(one(c))
	}
	add(one(s.AdditionalProperties), one(s.AdditionalItems), one(s.Items))
	if items, ok := s.Items.([]*jsonschema.Schema); ok {
		add(items...)
	}
	return out
}

func one(v any) *jsonschema.Schema {
	s, _ := v.(*jsonschema.Schema)
	return s
}
