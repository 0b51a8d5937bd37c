package socket

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// names of attributes that carry a trace's context, in the order in which they are written.
var names = [...]string{"traceparent", "tracestate", "baggage", "b3", "xb3traceid", "xb3spanid", "xb3parentspanid", "xb3sampled", "xb3flags"}

// attributes are the trace context of one message, as a propagator's carrier: what are headers elsewhere, without their hyphens.
type attributes map[string]string

// nameOf is a header's name as CloudEvents has it.
func nameOf(header string) string {
	return strings.ReplaceAll(strings.ToLower(header), "-", "")
}

// Get implements propagation.TextMapCarrier.
func (a attributes) Get(header string) string { return a[nameOf(header)] }

// Set implements propagation.TextMapCarrier.
func (a attributes) Set(header, value string) { a[nameOf(header)] = value }

// Keys implements propagation.TextMapCarrier.
func (a attributes) Keys() []string {
	all := make([]string, 0, len(a))
	for name := range a {
		all = append(all, name)
	}
	return all
}

// encode is the text frame of an event and its context. Where both do not fit, the event goes alone: nothing is refused because
// somebody traces it.
func encode(e bus.Event, a attributes) ([]byte, error) {
	body, err := bus.Encode(e)
	if err != nil {
		return nil, err
	}
	longer := bytes.NewBuffer(make([]byte, 0, len(body)+256))
	longer.Write(body[:len(body)-1]) // an object with members: without its closing brace
	for _, name := range names {
		value, ok := a[name]
		if !ok {
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", name, err)
		}
		fmt.Fprintf(longer, ",%q:%s", name, text)
	}
	longer.WriteByte('}')
	if longer.Len() > bus.MaxSize {
		return body, nil
	}
	return longer.Bytes(), nil
}

// errTwice is why a message is none: what one reader takes for its type, another would not.
var errTwice = errors.New("an attribute comes twice")

// decode reads the text frame. odd says that an attribute of its context is no text, which counts as absent.
func decode(frame []byte) (e bus.Event, a attributes, odd bool, err error) {
	if e, err = bus.Decode(frame); err != nil {
		return e, nil, false, err
	}
	members, err := membersOf(frame)
	if err != nil {
		return e, nil, false, fmt.Errorf("%w: %w", bus.ErrMalformed, err)
	}
	a = attributes{}
	for _, name := range names {
		raw, ok := members[name]
		if !ok {
			continue
		}
		var text string
		if json.Unmarshal(raw, &text) != nil {
			odd = true
			continue
		}
		a[name] = text
	}
	return e, a, odd, nil
}

// membersOf a JSON object, each of which comes once.
func membersOf(frame []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(frame))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	all := map[string]json.RawMessage{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string) // in this place there is nothing else
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, err
		}
		lower := strings.ToLower(name) // as encoding/json has matched it
		if _, twice := all[lower]; twice {
			return nil, errTwice
		}
		all[lower] = raw
	}
	return all, nil
}
