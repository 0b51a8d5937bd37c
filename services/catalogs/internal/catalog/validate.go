package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

const (
	maxFields = 20
	maxDetail = 200
)

// pool holds compiled copies of one schema; a copy serves one validation at a time.
type pool struct{ copies sync.Pool }

type metered struct {
	schema *jsonschema.Schema
	budget *budget
}

func newPool(schema json.RawMessage) (*pool, error) {
	doc, err := parse(schema)
	if err != nil {
		return nil, fmt.Errorf("stored schema: %w", err)
	}
	if _, err := compile(doc); err != nil {
		return nil, fmt.Errorf("stored schema: %w", err)
	}
	p := &pool{}
	p.copies.New = func() any {
		s, err := compile(doc)
		if err != nil {
			return nil
		}
		return &metered{schema: s, budget: meter(s)}
	}
	return p, nil
}

// validate reports what of v is wrong, each with its JSON pointer below prefix.
func (p *pool) validate(v any, prefix string) (err error) {
	m, ok := p.copies.Get().(*metered)
	if !ok {
		return errors.New("compile a stored schema again")
	}
	defer p.copies.Put(m)
	defer func() {
		switch r := recover(); r.(type) {
		case nil:
		case errWork:
			err = invalid(prefix, "is too costly to check against the type's schema")
		default:
			panic(r)
		}
	}()
	m.budget.left = maxWork
	return describe(m.schema.Validate(v), prefix)
}

func describe(err error, prefix string) error {
	var v *jsonschema.ValidationError
	if !errors.As(err, &v) {
		return err
	}
	fields := leaves(v, nil)
	for i := range fields {
		fields[i].Name = prefix + fields[i].Name
	}
	return &problem.Error{Code: problem.Invalid, Detail: "the data does not fit the type's schema", Fields: fields}
}

// leaves are the errors that have no cause of their own, a bounded number of them.
func leaves(v *jsonschema.ValidationError, fields []problem.Field) []problem.Field {
	if len(v.Causes) == 0 && len(fields) < maxFields {
		return append(fields, problem.Field{Name: pointer(v.InstanceLocation), Detail: sentence(v.ErrorKind)})
	}
	for _, c := range v.Causes {
		fields = leaves(c, fields)
	}
	return fields
}

func pointer(path []string) string {
	var b strings.Builder
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	for _, p := range path {
		b.WriteString("/" + escape.Replace(p))
	}
	return cut(b.String())
}

func sentence(k jsonschema.ErrorKind) string {
	return cut(k.LocalizedString(message.NewPrinter(language.English)))
}

func cut(s string) string {
	if len(s) <= maxDetail {
		return s
	}
	return strings.ToValidUTF8(s[:maxDetail], "") + "…"
}
