package bus

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// MaxSize is the largest encoded event in bytes; Encode and Decode refuse more.
const MaxSize = 1 << 20

// ContentType of an encoded event.
const ContentType = "application/cloudevents+json"

const specVersion = "1.0"

// ErrMalformed is what Decode wraps when the bytes are no CloudEvents 1.0 event.
var ErrMalformed = errors.New("malformed event")

// maxDebug bounds Event.Debug, in bytes; a longer one is nobody's token.
const maxDebug = 1 << 10

// envelope is the structured mode's JSON. Attributes that are not listed are extensions; none but ours is read.
type envelope struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject,omitempty"`
	Time            *time.Time      `json:"time,omitempty"`
	DataContentType string          `json:"datacontenttype,omitempty"`
	Data            json.RawMessage `json:"data,omitempty"`
	DataBase64      *string         `json:"data_base64,omitempty"`
	Debug           json.RawMessage `json:"signalboxdebug,omitempty"` // an extension of ours; raw, so that nobody's can spoil an event
}

// Encode writes an event in CloudEvents 1.0 structured JSON. ID, Source and Type must be set; Data is
// JSON or empty. Headers travel beside the body and are not in it.
func Encode(e Event) ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	env := envelope{SpecVersion: specVersion, ID: e.ID, Source: e.Source, Type: e.Type, Subject: e.Subject}
	if !e.Time.IsZero() {
		env.Time = &e.Time
	}
	if len(e.Data) > MaxSize {
		return nil, ErrTooLarge
	}
	if len(e.Data) > 0 {
		env.DataContentType, env.Data = "application/json", e.Data
	}
	body, err := json.Marshal(env)
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	if len(body) > MaxSize {
		return nil, ErrTooLarge
	}
	return withDebug(env, body, e.Debug), nil
}

// withDebug adds the token where there is room for it: an event is not refused because somebody watches it.
func withDebug(env envelope, body []byte, token string) []byte {
	if token == "" || len(token) > maxDebug {
		return body
	}
	text, err := json.Marshal(token)
	if err != nil {
		return body
	}
	env.Debug = text
	if longer, err := json.Marshal(env); err == nil && len(longer) <= MaxSize {
		return longer
	}
	return body
}

// debugOf is the token as it came; what is no text is left as it is, for whoever counts what is malformed.
func debugOf(raw json.RawMessage) (token string) {
	if len(raw) > 0 && json.Unmarshal(raw, &token) != nil {
		return string(raw)
	}
	return token
}

// Decode reads what Encode, or any CloudEvents 1.0 producer of JSON data, wrote.
func Decode(body []byte) (Event, error) {
	if len(body) > MaxSize {
		return Event{}, ErrTooLarge
	}
	if e, ok := decodeOwn(body); ok {
		return e, nil
	}
	var env envelope
	if err := json.Unmarshal(body, &env); err != nil {
		return Event{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if env.SpecVersion != specVersion {
		return Event{}, fmt.Errorf("%w: specversion %.20q", ErrMalformed, env.SpecVersion)
	}
	if env.DataBase64 != nil {
		return Event{}, fmt.Errorf("%w: binary data", ErrMalformed)
	}
	e := Event{ID: env.ID, Source: env.Source, Type: env.Type, Subject: env.Subject, Data: env.Data, Debug: debugOf(env.Debug)}
	if env.Time != nil {
		e.Time = *env.Time
	}
	if err := e.check(); err != nil {
		return Event{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return e, nil
}

func (e Event) check() error {
	switch "" {
	case e.ID:
		return errors.New("event has no id")
	case e.Source:
		return errors.New("event has no source")
	case e.Type:
		return errors.New("event has no type")
	}
	return nil
}
