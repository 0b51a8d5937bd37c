package catalog

import (
	"encoding/json"
	"fmt"
	"strings"
)

// A filter is a list of conditions that all hold:
//
//	filter    = condition { " and " condition }
//	condition = field operator value
//	field     = name { "." name }          into the record's data
//	          | "@id" | "@created_at" | "@updated_at" | "@created_by" | "@updated_by"
//	name      = letter or _ { letter, digit, _ or - } | JSON string
//	operator  = "=" | "!=" | "<" | "<=" | ">" | ">=" | "^="   (^= begins with)
//	value     = JSON string, number, true, false, null | a word without spaces
//
// A range is two conditions. Values compare within their kind: a number never equals a text.
// =null also holds where the field is missing.

// Bounds of a filter.
const (
	MaxFilter     = 2048 // bytes
	maxConditions = 16
	maxSegments   = 8
	maxName       = 64
)

// Operator of a condition.
type Operator string

// The operators.
const (
	Equal        Operator = "="
	NotEqual     Operator = "!="
	Less         Operator = "<"
	LessEqual    Operator = "<="
	Greater      Operator = ">"
	GreaterEqual Operator = ">="
	BeginsWith   Operator = "^="
)

// Condition compares one field with one value, which is JSON text of a scalar.
type Condition struct {
	Field    Field
	Operator Operator
	Value    json.RawMessage
}

// Filter holds where all its conditions hold. The zero Filter holds always.
type Filter []Condition

// Field is a path into a record's data, or one of its own attributes.
type Field struct {
	Attribute Attribute // "": Path
	Path      []string
}

// Attribute of a record itself, written with an @.
type Attribute string

// The attributes.
const (
	ID        Attribute = "id"
	CreatedAt Attribute = "created_at"
	UpdatedAt Attribute = "updated_at"
	CreatedBy Attribute = "created_by"
	UpdatedBy Attribute = "updated_by"
)

// ParseFilter reads a filter; "" is no condition. Errors are problems about the parameter filter.
func ParseFilter(text string) (Filter, error) {
	if len(text) > MaxFilter {
		return nil, invalid("filter", fmt.Sprintf("must be at most %d bytes", MaxFilter))
	}
	s := &scanner{rest: text}
	var out Filter
	for !s.end() {
		if len(out) > 0 && !s.word("and") {
			return nil, invalid("filter", s.wants("and"))
		}
		c, err := s.condition()
		if err != nil {
			return nil, invalid("filter", err.Error())
		}
		if out = append(out, c); len(out) > maxConditions {
			return nil, invalid("filter", fmt.Sprintf("must have at most %d conditions", maxConditions))
		}
	}
	return out, nil
}

func (s *scanner) condition() (Condition, error) {
	f, err := s.field()
	if err != nil {
		return Condition{}, err
	}
	op, err := s.operator()
	if err != nil {
		return Condition{}, err
	}
	v, err := s.value()
	if err != nil {
		return Condition{}, err
	}
	c := Condition{Field: f, Operator: op, Value: v}
	return c, c.check()
}

// check refuses what could never hold.
func (c Condition) check() error {
	kind := kindOf(c.Value)
	switch {
	case c.Operator == BeginsWith && kind != text:
		return fmt.Errorf("^= compares with a text")
	case kind == null && c.Operator != Equal && c.Operator != NotEqual:
		return fmt.Errorf("null has no order; use = or !=")
	case c.Field.Attribute != "":
		return c.checkAttribute(kind)
	}
	return nil
}

func (c Condition) checkAttribute(k kind) error {
	switch {
	case k != text:
		return fmt.Errorf("@%s compares with a text", c.Field.Attribute)
	case c.Field.Attribute == CreatedAt || c.Field.Attribute == UpdatedAt:
		if _, err := c.Time(); err != nil || c.Operator == BeginsWith {
			return fmt.Errorf("@%s compares with a time like 2026-11-21T08:00:00Z", c.Field.Attribute)
		}
	case c.Field.Attribute == ID:
		if _, err := c.UUID(); err != nil || c.Operator == BeginsWith {
			return fmt.Errorf("@id compares with a UUID")
		}
	}
	return nil
}

func parseField(words string) (Field, error) {
	s := &scanner{rest: words}
	f, err := s.field()
	if err == nil && !s.end() {
		err = fmt.Errorf("has more than a field at %.20q", s.rest)
	}
	return f, err
}

func parseAttribute(name string) (Field, error) {
	switch a := Attribute(strings.TrimPrefix(name, "@")); a {
	case ID, CreatedAt, UpdatedAt, CreatedBy, UpdatedBy:
		return Field{Attribute: a}, nil
	}
	return Field{}, fmt.Errorf("%.32q is no attribute; there are @id, @created_at, @updated_at, @created_by, @updated_by", name)
}
