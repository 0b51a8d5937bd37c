// Package loglines makes log records for tests and benchmarks, the same for the same seed. Two kinds: Template, as
// services write them, one of forty constant messages; and Random, the worst case, where every message is other words,
// and has an id of its own among its attributes. The attributes are those of a request. Both kinds have 398 bytes of
// payload on average: logger, message, attributes, trace and span as text.
package loglines

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Payload of a line, on average, in bytes.
const Payload = 398

// Line is one record without its time. Levels are slog's.
type Line struct {
	Level   int
	Logger  string
	Msg     string
	Attrs   []byte // a JSON object
	TraceID string // 32 hexadecimal digits
	SpanID  string // 16
}

// Bytes of payload.
func (l Line) Bytes() int {
	return len(l.Logger) + len(l.Msg) + len(l.Attrs) + len(l.TraceID) + len(l.SpanID)
}

// Source makes lines. Not safe for concurrent use.
type Source struct {
	r     *rand.Rand
	words []string
	trace string
	left  int // lines of the present trace
	make  func(s *Source) (msg string, attrs []byte)
}

// vocabulary of messages that are random: about as many words as a large program's messages have.
const vocabulary = 1000

// Random makes lines whose messages are random words, with ids.
func Random(seed uint64) *Source { return newSource(seed, (*Source).random) }

// Template makes lines whose messages are one of some forty, with attributes of some forms.
func Template(seed uint64) *Source { return newSource(seed, (*Source).template) }

func newSource(seed uint64, build func(*Source) (string, []byte)) *Source {
	s := &Source{r: rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15)), make: build}
	for range vocabulary {
		s.words = append(s.words, s.word())
	}
	return s
}

// word of three to nine letters.
func (s *Source) word() string {
	letters := make([]byte, 3+s.r.IntN(7))
	for i := range letters {
		letters[i] = 'a' + byte(s.r.IntN(26))
	}
	return string(letters)
}

// some words, about n bytes.
func (s *Source) some(n int) string {
	var b strings.Builder
	for b.Len() < n-3 {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(s.words[s.r.IntN(len(s.words))])
	}
	return b.String()
}

func (s *Source) hex(bytes int) string {
	raw := make([]byte, bytes)
	for i := range raw {
		raw[i] = byte(s.r.Uint32())
	}
	return hex.EncodeToString(raw)
}

// Next line. A trace has one to eight of them, one behind the other.
func (s *Source) Next() Line {
	if s.left == 0 {
		s.trace, s.left = s.hex(16), 1+s.r.IntN(8)
	}
	s.left--
	l := Line{Logger: "catalogs." + []string{"store", "http", "cache", "store.rls"}[s.r.IntN(4)], TraceID: s.trace, SpanID: s.hex(8)}
	switch n := s.r.IntN(100); {
	case n < 2:
		l.Level = 8
	case n < 7:
		l.Level = 4
	case n < 17:
		l.Level = -4
	}
	l.Msg, l.Attrs = s.make(s)
	return l
}

// attributes of a request.
type attributes struct {
	Method   string  `json:"method"`
	Route    string  `json:"route"`
	Status   int     `json:"status"`
	Duration float64 `json:"duration_ms"`
	UserID   int     `json:"user_id"`
	Tenant   string  `json:"tenant"`
	Request  string  `json:"request_id,omitempty"`
	Agent    string  `json:"user_agent"`
}

// attributes takes users from one hundred thousand, and programs from twelve.
func (s *Source) attributes(request string) []byte {
	program := s.r.IntN(12)
	return encode(attributes{
		Method: []string{"GET", "GET", "GET", "POST", "PUT"}[s.r.IntN(5)], Route: "/api/catalogs/v1/types/" + s.words[s.r.IntN(12)] + "/records/{id}",
		Status: []int{200, 200, 200, 200, 201, 204, 404, 503}[s.r.IntN(8)], Duration: float64(s.r.IntN(1_000_000)) / 1000,
		UserID: s.r.IntN(100_000), Tenant: fmt.Sprintf("tenant-%02d", s.r.IntN(40)), Request: request,
		Agent: fmt.Sprintf("%s/%d.%d (linux; x86_64)", s.words[program], program%5, program),
	})
}

// rest of the payload, for the message.
func rest(attrs []byte) int { return Payload - 48 - 14 - len(attrs) }

func (s *Source) random() (msg string, attrs []byte) {
	attrs = s.attributes(s.hex(8))
	return s.some(rest(attrs)), attrs
}

func (s *Source) template() (msg string, attrs []byte) {
	n := uint64(s.r.IntN(40))
	attrs = s.attributes("")
	same := Source{r: rand.New(rand.NewPCG(n, 7)), words: s.words} // the same words whenever the template comes
	return same.some(Payload - 48 - 14 - meanAttributes), attrs
}

// meanAttributes is the length of a template's attributes, on average.
const meanAttributes = 184

func encode(a attributes) []byte {
	raw, err := json.Marshal(a)
	if err != nil {
		panic(err) // it has nothing that cannot be encoded
	}
	return raw
}
