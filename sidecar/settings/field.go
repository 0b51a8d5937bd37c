package settings

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"
)

// Field is one setting of a configuration, fit for a log line: a secret's Value is masked.
type Field struct {
	Name    string // without prefix: "POSTGRES_URL"
	Value   string
	Default string
	Desc    string
	Secret  bool
}

type field struct {
	Field
	goName  string
	kind    reflect.Type
	schemes string
	own     bool // differs between the instances of a service by nature
	value   reflect.Value
}

// Describe lists the settings of a configuration struct (or a pointer to one) with their values, secrets masked.
func Describe(cfg any) []Field {
	fields, err := fieldsOf(cfg)
	if err != nil {
		return nil
	}
	out := make([]Field, 0, len(fields))
	for _, f := range fields {
		f.Field.Value = show(f)
		out = append(out, f.Field)
	}
	return out
}

func fieldsOf(cfg any) ([]field, error) {
	v := reflect.ValueOf(cfg)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return nil, fmt.Errorf("settings: %T is no configuration struct", cfg)
	}
	return walk(v, ""), nil
}

func walk(v reflect.Value, prefix string) []field {
	var out []field
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		if !sf.IsExported() && !sf.Anonymous {
			continue
		}
		name, _, _ := strings.Cut(sf.Tag.Get("env"), ",")
		switch {
		case name != "" && name != "-":
			out = append(out, fieldOf(sf, v.Field(i), prefix+name))
		case sf.Type.Kind() == reflect.Struct:
			out = append(out, walk(v.Field(i), prefix+sf.Tag.Get("envPrefix"))...)
		}
	}
	return out
}

func fieldOf(sf reflect.StructField, v reflect.Value, name string) field {
	return field{
		Field: Field{
			Name:    name,
			Default: sf.Tag.Get("envDefault"),
			Desc:    sf.Tag.Get("desc"),
			Secret:  sf.Tag.Get("secret") == "true",
		},
		goName:  sf.Name,
		kind:    sf.Type,
		schemes: sf.Tag.Get("scheme"),
		own:     sf.Tag.Get("scope") == "instance",
		value:   v,
	}
}

// show masks all of a secret, except for a URL the parts that are none.
func show(f field) string {
	if !f.value.CanInterface() {
		return ""
	}
	text := fmt.Sprint(f.value.Interface())
	if list, ok := f.value.Interface().([]string); ok {
		text = strings.Join(list, ",")
	}
	if !f.Secret || text == "" {
		return text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return "***"
	}
	masked := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if u.User != nil {
		masked.User = url.User(u.User.Username())
	}
	return masked.String()
}
