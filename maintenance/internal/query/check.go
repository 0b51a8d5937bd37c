package query

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"
)

// check holds the value against what the field's kind can be asked, and reads levels, numbers and times.
func (c *Compare) check() error {
	switch c.Kind {
	case Level:
		return c.readLevel()
	case Sequence:
		return c.readNumber()
	case Time:
		return c.readTime()
	case Hex:
		return c.readHex()
	case Attribute:
		return c.readLiteral()
	default:
		if c.Op.Ordering() {
			return fmt.Errorf("%s has no order: it can be compared with : = and != only", c.Field)
		}
	}
	return nil
}

func (c *Compare) readLevel() error {
	text := strings.ToUpper(c.Value)
	if text == "WARNING" {
		text = "WARN"
	}
	if err := c.Level.UnmarshalText([]byte(text)); err == nil {
		return inRange(c.Level)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("%s is no level: debug, info, warn, error, or one of them with an offset like info+2", cite(c.Value))
	}
	c.Level = slog.Level(n)
	return inRange(c.Level)
}

// inRange keeps a level within the column's type.
func inRange(l slog.Level) error {
	if l < math.MinInt16 || l > math.MaxInt16 {
		return errors.New("there is no such level")
	}
	return nil
}

// readLiteral finds out what else the text may be; an order needs a number or a duration.
func (c *Compare) readLiteral() error {
	if c.Exact && !c.Op.Ordering() {
		return nil
	}
	if c.Number, c.Is = numeric(c.Value); c.Is == Numeric {
		return nil
	}
	if d, ok := ParseDuration(c.Value); ok {
		c.Duration, c.Is = d, Timespan
		return nil
	}
	if c.Op.Ordering() {
		return fmt.Errorf("%s is neither a number nor a duration like 1.5s; %s compares those", cite(c.Value), c.Op)
	}
	return nil
}

func numeric(text string) (Number, Literal) {
	if n, ok := ParseNumber(text); ok {
		return n, Numeric
	}
	return Number{}, Words
}

func (c *Compare) readNumber() error {
	if c.Number, c.Is = numeric(c.Value); c.Is != Numeric {
		return fmt.Errorf("%s is no number", cite(c.Value))
	}
	return nil
}

// readTime takes RFC 3339, its date and time without a zone, or its date; both are UTC.
func (c *Compare) readTime() error {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", time.DateOnly} {
		if t, err := time.Parse(layout, c.Value); err == nil && t.Year() >= 1970 && t.Year() <= 9999 {
			c.Time = t.UTC()
			return nil
		}
	}
	return fmt.Errorf("%s is no time: 2026-11-21T08:00:00Z, or 2026-11-21", cite(c.Value))
}

func (c *Compare) readHex() error {
	if c.Op.Ordering() {
		return fmt.Errorf("%s has no order: it can be compared with : = and != only", c.Field)
	}
	digits := hexDigits(c.Field)
	c.Value = strings.ToLower(c.Value)
	if c.Value == "" || len(c.Value) > digits || strings.Trim(c.Value, "0123456789abcdef") != "" {
		return fmt.Errorf("%s is no %s: 1 to %d hexadecimal digits, the first ones", cite(c.Value), c.Field, digits)
	}
	return nil
}

// hexDigits of a whole identifier.
func hexDigits(field string) int {
	if field == "span_id" {
		return 16
	}
	return 32
}

// cite quotes a value for an error, cut when it is long.
func cite(value string) string {
	const most = 40
	if len(value) > most {
		return strconv.Quote(strings.ToValidUTF8(value[:most], "")) + "…"
	}
	return strconv.Quote(value)
}
