package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// MaxSchema is the size of a schema in bytes.
const MaxSchema = 64 << 10

const (
	draft2020 = "https://json-schema.org/draft/2020-12/schema"
	schemaURL = "catalog:///type"
)

// checkSchema reads a type's schema, and returns it as it is stored.
func checkSchema(text json.RawMessage) (json.RawMessage, error) {
	if len(text) > MaxSchema {
		return nil, invalid("/schema", fmt.Sprintf("must be at most %d bytes", MaxSchema))
	}
	doc, err := parse(text)
	if err != nil {
		return nil, invalid("/schema", err.Error())
	}
	object, ok := doc.(map[string]any)
	if !ok {
		return nil, invalid("/schema", "must be a JSON object")
	}
	if draft, given := object["$schema"]; given && draft != draft2020 {
		return nil, invalid("/schema/$schema", "must be "+draft2020+", or left out")
	}
	if _, err := compile(doc); err != nil {
		return nil, invalid("/schema", err.Error())
	}
	return encode(doc)
}

// noLoader forbids references to other documents: a schema must not make this service fetch anything.
type noLoader struct{}

var errRemote = errors.New("refers to another document; move it into $defs")

// Load implements jsonschema.URLLoader.
func (noLoader) Load(string) (any, error) { return nil, errRemote }

func compile(doc any) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(noLoader{})
	if err := c.AddResource(schemaURL, doc); err != nil {
		return nil, explain(err)
	}
	s, err := c.Compile(schemaURL)
	if err != nil {
		return nil, explain(err)
	}
	return s, checkReach(s)
}

// explain keeps the first line of what the compiler says, without our internal address of the schema.
func explain(err error) error {
	if errors.Is(err, errRemote) {
		return errRemote
	}
	var bad *jsonschema.SchemaValidationError
	if errors.As(err, &bad) {
		err = bad.Err
	}
	var v *jsonschema.ValidationError
	if errors.As(err, &v) {
		all := leaves(v, nil)
		return fmt.Errorf("is no valid JSON Schema: at %q: %s", all[0].Name, all[0].Detail)
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return fmt.Errorf("is no valid JSON Schema: %.200s", strings.ReplaceAll(line, schemaURL, ""))
}
