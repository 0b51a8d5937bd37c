package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	maxDepth        = 32
	maxNumberDigits = 64
	maxExponent     = 300
)

// parse reads one JSON value that the validator and PostgreSQL take alike: no NUL in a text, no number
// that is a megabyte when written out, bounded depth. Broken surrogates become U+FFFD.
func parse(text []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("is not JSON")
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("is more than one JSON value")
	}
	return v, checkValue(v, maxDepth)
}

func checkValue(v any, depth int) error {
	if depth == 0 {
		return fmt.Errorf("is nested deeper than %d levels", maxDepth)
	}
	switch v := v.(type) {
	case string:
		return checkText(v)
	case json.Number:
		return checkNumber(v.String())
	case []any:
		for _, item := range v {
			if err := checkValue(item, depth-1); err != nil {
				return err
			}
		}
	case map[string]any:
		for key, item := range v {
			if err := checkText(key); err != nil {
				return err
			}
			if err := checkValue(item, depth-1); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkText(s string) error {
	if strings.ContainsRune(s, 0) {
		return fmt.Errorf("holds a NUL character, which cannot be stored")
	}
	return nil
}

func checkNumber(n string) error {
	digits, exponent, _ := strings.Cut(strings.ToLower(n), "e")
	if exponent != "" {
		if e, err := strconv.Atoi(exponent); err != nil || e > maxExponent || e < -maxExponent {
			return fmt.Errorf("holds a number beyond 1e±%d", maxExponent)
		}
	}
	if len(digits) > maxNumberDigits {
		return fmt.Errorf("holds a number of more than %d digits", maxNumberDigits)
	}
	return nil
}

// encode writes a parsed value back; numbers keep their digits.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode JSON: %w", err)
	}
	return bytes.TrimSpace(b.Bytes()), nil
}
