package traces

import (
	"bytes"
	"encoding/json"
	"errors"
)

// What stands in an answer is read piece by piece: a list of millions in little text would take a hundred times its size.

var errShape = errors.New("it has another shape")

// items shows fn the elements of a list, at most so many; cut says that there were more. null is an empty list.
func items(raw json.RawMessage, most int, fn func(json.RawMessage) error) (cut bool, err error) {
	return elements(raw, '[', most, func(d *json.Decoder) error {
		var one json.RawMessage
		if err := d.Decode(&one); err != nil {
			return err
		}
		return fn(one)
	})
}

// fields does so with the members of an object.
func fields(raw json.RawMessage, most int, fn func(name string, value json.RawMessage) error) (cut bool, err error) {
	return elements(raw, '{', most, func(d *json.Decoder) error {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		return fn(name.(string), value) // which a member's name always is
	})
}

func elements(raw json.RawMessage, open json.Delim, most int, next func(*json.Decoder) error) (cut bool, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	t, err := d.Token()
	if len(raw) == 0 || err == nil && t == nil {
		return false, nil
	}
	if err != nil || t != open {
		return false, errors.Join(errShape, err)
	}
	for n := 0; d.More(); n++ {
		if n == most {
			return true, nil
		}
		if err := next(d); err != nil {
			return false, err
		}
	}
	_, err = d.Token()
	return false, err
}

// text of a value: a string's own, else JSON.
func text(raw json.RawMessage) string {
	var s string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}
