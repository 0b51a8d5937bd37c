package ship

import (
	"bytes"
	"encoding/json"
	"strconv"

	common "go.opentelemetry.io/proto/otlp/common/v1"
)

// maxNesting bounds recursion; the logging writes far less.
const maxNesting = 64

// parser reads the JSON that the logging writes: no space between tokens. It answers false on anything
// else, and never reads past the end.
type parser struct {
	b     []byte
	at    int
	depth int
}

func (p *parser) take(c byte) bool {
	if p.at < len(p.b) && p.b[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *parser) literal(s string) bool {
	if bytes.HasPrefix(p.b[p.at:], []byte(s)) {
		p.at += len(s)
		return true
	}
	return false
}

// object calls member for each key; member takes the value.
func (p *parser) object(member func(key string) bool) bool {
	if !p.take('{') {
		return false
	}
	if p.take('}') {
		return true
	}
	for {
		key, ok := p.text()
		if !ok || !p.take(':') || !member(key) {
			return false
		}
		if p.take('}') {
			return true
		}
		if !p.take(',') {
			return false
		}
	}
}

func (p *parser) pairs() (all []*common.KeyValue, ok bool) {
	ok = p.object(func(key string) bool {
		v, ok := p.value()
		all = unique(all, &common.KeyValue{Key: key, Value: v})
		return ok
	})
	return all, ok
}

func (p *parser) list() (all []*common.AnyValue, ok bool) {
	if !p.take('[') {
		return nil, false
	}
	if p.take(']') {
		return nil, true
	}
	for {
		v, ok := p.value()
		if !ok {
			return nil, false
		}
		all = append(all, v)
		if p.take(']') {
			return all, true
		}
		if !p.take(',') {
			return nil, false
		}
	}
}

func (p *parser) value() (*common.AnyValue, bool) {
	p.depth++
	defer func() { p.depth-- }()
	if p.at >= len(p.b) || p.depth > maxNesting {
		return nil, false
	}
	switch p.b[p.at] {
	case '"':
		s, ok := p.text()
		return textValue(s), ok
	case '{':
		pairs, ok := p.pairs()
		return &common.AnyValue{Value: &common.AnyValue_KvlistValue{KvlistValue: &common.KeyValueList{Values: pairs}}}, ok
	case '[':
		list, ok := p.list()
		return &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{Values: list}}}, ok
	case 't':
		return truth(true), p.literal("true")
	case 'f':
		return truth(false), p.literal("false")
	case 'n':
		return &common.AnyValue{}, p.literal("null")
	}
	return p.number()
}

func truth(b bool) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: b}}
}

// text reads a string; only one with escapes needs more than a copy.
func (p *parser) text() (string, bool) {
	if !p.take('"') {
		return "", false
	}
	start, plain := p.at, true
	for p.at < len(p.b) && p.b[p.at] != '"' {
		if p.b[p.at] == '\\' {
			plain = false
			p.at++
		}
		p.at++
	}
	if p.at >= len(p.b) {
		return "", false
	}
	p.at++
	if plain {
		return string(p.b[start : p.at-1]), true
	}
	var s string
	err := json.Unmarshal(p.b[start-1:p.at], &s)
	return s, err == nil
}

// number is an integer if it fits one, else a double.
func (p *parser) number() (*common.AnyValue, bool) {
	start := p.at
	for p.at < len(p.b) && bytes.IndexByte([]byte("+-.eE0123456789"), p.b[p.at]) >= 0 {
		p.at++
	}
	s := string(p.b[start:p.at])
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: n}}, true
	}
	f, err := strconv.ParseFloat(s, 64)
	return &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: f}}, err == nil
}
