package catalog

import "strings"

// Order of a list: by one field, ties broken by id in the same direction. Texts are compared by their
// first 200 characters, kinds sort null (and missing, objects, lists) < text < number < boolean.
type Order struct {
	Field Field
	Desc  bool
}

// ParseOrder reads "field", "field asc" or "field desc"; "" is "@id asc", by age.
func ParseOrder(words string) (Order, error) {
	words = strings.TrimSpace(words)
	if words == "" {
		return Order{Field: Field{Attribute: ID}}, nil
	}
	if len(words) > MaxFilter {
		return Order{}, invalid("order", "is too long")
	}
	o := Order{}
	if field, direction, ok := cutLast(words); ok {
		switch strings.ToLower(direction) {
		case "asc":
			words = field
		case "desc":
			words, o.Desc = field, true
		}
	}
	f, err := parseField(words)
	if err != nil {
		return Order{}, invalid("order", err.Error()+"; write it like: price desc")
	}
	o.Field = f
	return o, nil
}

func cutLast(words string) (before, last string, ok bool) {
	i := strings.LastIndexAny(words, " \t")
	if i < 0 {
		return words, "", false
	}
	return strings.TrimSpace(words[:i]), words[i+1:], true
}
