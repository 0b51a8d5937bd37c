package debug

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/generations"
)

const (
	// MaxToken is the longest token in bytes; a longer one is ignored unread.
	MaxToken = 1 << 10
	// lifetime bounds a token whose lease goes on: whatever carries it longer is no flow any more.
	lifetime = 15 * time.Minute
	// fresh is how long one token is given out, so that what waits in a queue has most of its life before it.
	fresh = 5 * time.Minute
	// skew of two machines' clocks that is borne.
	skew = 30 * time.Second

	maxLeaseID = 64
	minLevel   = slog.Level(-1000)
	maxLevel   = slog.Level(1000)
	maxCached  = 512 // tokens, and as many again of the generation before
)

// Why a token is ignored.
var (
	errMalformed = errors.New("malformed")
	errForged    = errors.New("forged")
	errExpired   = errors.New("expired")
	errOversized = errors.New("oversized")
)

// claims are what a token says, with short names: it goes with every call.
type claims struct {
	Lease   string `json:"l"`
	Level   int    `json:"v"`
	Issued  int64  `json:"i"` // unix milliseconds
	Expires int64  `json:"e"` // unix milliseconds
	Lines   int64  `json:"n,omitempty"`
	Bytes   int64  `json:"b,omitempty"`
}

func (c claims) encode() ([]byte, error) { return json.Marshal(c) }

// decode reads what a token says. It believes nothing: the bounds hold for signed claims too.
func decode(payload []byte) (c claims, err error) {
	if err := json.Unmarshal(payload, &c); err != nil {
		return c, fmt.Errorf("%w: %w", errMalformed, err)
	}
	life := time.UnixMilli(c.Expires).Sub(time.UnixMilli(c.Issued))
	switch {
	case c.Lease == "" || len(c.Lease) > maxLeaseID || strings.ContainsFunc(c.Lease, unfit):
		return c, fmt.Errorf("%w: it names no lease", errMalformed)
	case slog.Level(c.Level) < minLevel || slog.Level(c.Level) > maxLevel:
		return c, fmt.Errorf("%w: %d is no level", errMalformed, c.Level)
	case life <= 0 || life > lifetime:
		return c, fmt.Errorf("%w: it lives for %s", errMalformed, life)
	case c.Lines < 0 || c.Bytes < 0:
		return c, fmt.Errorf("%w: its budget is negative", errMalformed)
	}
	return c, nil
}

// unfit are characters that no id has; the id becomes an attribute of lines.
func unfit(r rune) bool { return r <= ' ' || r > '~' }

// shaped says whether text has the form of a compact JWS: anything else is not worth a look at its signature.
func shaped(text string) bool {
	if strings.Count(text, ".") != 2 {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool {
		return !(r == '.' || r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z')
	})
}

// reader verifies tokens, each one once while it is remembered. A key that is withdrawn from the trust bundle may be
// believed for a remembered token until that ends. Safe for concurrent use.
type reader struct {
	verify func(token string) (payload []byte, err error) // nil: none is believed
	known  generations.Shared[string, claims]
}

// read returns the claims of a token that holds at now.
func (r *reader) read(token string, now time.Time) (claims, error) {
	if len(token) > MaxToken {
		return claims{}, errOversized
	}
	c, ok := r.known.Use(token, maxCached)
	if !ok {
		var err error
		if c, err = r.open(token); err != nil {
			return c, err
		}
	}
	switch {
	case now.UnixMilli() >= c.Expires:
		return c, errExpired
	case time.UnixMilli(c.Issued).Sub(now) > skew:
		return c, fmt.Errorf("%w: it is from the future (check the clocks)", errMalformed)
	}
	if !ok {
		r.known.Put(token, c, maxCached) // what was verified alone: forged ones cannot push it out
	}
	return c, nil
}

func (r *reader) open(token string) (claims, error) {
	if !shaped(token) {
		return claims{}, errMalformed
	}
	if r.verify == nil {
		return claims{}, errForged
	}
	payload, err := r.verify(token)
	if err != nil {
		return claims{}, fmt.Errorf("%w: %w", errForged, err)
	}
	return decode(payload)
}
