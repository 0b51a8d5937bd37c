// Package settings reads SIGNALBOX_<NAME>, overridden for one service by SIGNALBOX_<SERVICE>_<NAME>.
//
// A configuration is a struct with the tags env, envDefault, desc and secret; embedded structs are part
// of it. A name that ends in _URL must hold a URL and one that ends in _ADDR a host:port.
package settings

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Prefix of every variable.
const Prefix = "SIGNALBOX_"

// Error names the variable, what is wrong with it and the mend, in one sentence. The program exits with 2.
type Error struct{ Variable, Problem string }

func (e *Error) Error() string { return e.Variable + ": " + e.Problem }

// Load fills into, a pointer to a configuration struct, for service ("": none, so without overrides)
// from environ, which has the form of os.Environ. Errors are *Error, except for a struct that is itself wrong.
func Load(service string, environ []string, into any) error {
	fields, err := fieldsOf(into)
	if err != nil {
		return err
	}
	o := overlay(service, environ)
	err = env.ParseWithOptions(into, env.Options{Environment: o.values})
	if err != nil {
		return o.explain(err, fields)
	}
	for _, f := range fields {
		if err := o.check(f); err != nil {
			return err
		}
	}
	return nil
}

// Variable is the name of a setting for all services ("") or for one.
func Variable(service, name string) string {
	if service == "" {
		return Prefix + name
	}
	return Prefix + strings.ToUpper(strings.ReplaceAll(service, "-", "_")) + "_" + name
}

// overlaid is the environment of one service with the prefixes cut off.
type overlaid struct {
	values map[string]string // by name
	from   map[string]string // name → the variable that was set
}

func overlay(service string, environ []string) overlaid {
	o := overlaid{values: map[string]string{}, from: map[string]string{}}
	take := func(prefix string) {
		for _, kv := range environ {
			name, value, _ := strings.Cut(kv, "=")
			if rest, ok := strings.CutPrefix(name, prefix); ok {
				o.values[rest], o.from[rest] = value, name
			}
		}
	}
	take(Prefix)
	if service != "" {
		take(Variable(service, ""))
	}
	return o
}

func (o overlaid) variable(name string) string {
	if v, ok := o.from[name]; ok {
		return v
	}
	return Prefix + name
}

// explain turns the first parse error into one sentence about the variable.
func (o overlaid) explain(err error, fields []field) error {
	all := env.AggregateError{}
	if !errors.As(err, &all) || len(all.Errors) == 0 {
		return fmt.Errorf("read the settings: %w", err)
	}
	var parse env.ParseError
	if !errors.As(all.Errors[0], &parse) {
		return o.explainKey(all.Errors[0])
	}
	for _, f := range fields {
		if f.goName == parse.Name && f.kind == parse.Type {
			return o.bad(f, "is not "+expected(f.kind))
		}
	}
	return fmt.Errorf("read the settings: field %s: cannot be parsed", parse.Name)
}

func (o overlaid) explainKey(err error) error {
	var missing env.VarIsNotSetError
	var empty env.EmptyVarError
	switch {
	case errors.As(err, &missing):
		return &Error{o.variable(missing.Key), "is required and not set; set it"}
	case errors.As(err, &empty):
		return &Error{o.variable(empty.Key), "must not be empty; set it"}
	}
	return fmt.Errorf("read the settings: %w", err)
}

// bad shows the value unless it is a secret.
func (o overlaid) bad(f field, problem string) *Error {
	value := "the value"
	if !f.Secret {
		value = fmt.Sprintf("%.80q", o.values[f.Name])
	}
	return &Error{o.variable(f.Name), value + " " + problem}
}

func expected(t reflect.Type) string {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t.String() == "time.Duration":
		return "a duration; write it like 500ms, 10s or 1h30m"
	case t == reflect.TypeFor[Size]():
		return "a size; write it like 256MiB or 1GiB"
	case t.Kind() == reflect.Bool:
		return "true or false; write one of them"
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64:
		return "a whole number in the range allowed; write it in digits, like 4"
	case t.Kind() == reflect.Float32 || t.Kind() == reflect.Float64:
		return "a number; write it like 0.25"
	default:
		return "a valid " + t.String() + "; see docs/settings.md"
	}
}
