package query

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
)

// check holds the value against what the field's kind can be asked, and reads levels and numbers.
func (c *Compare) check() error {
	switch c.Kind {
	case Level:
		return c.readLevel()
	case Number:
		return c.readNumber()
	case Hex:
		return c.readHex()
	case Attribute:
		if c.Op.Ordering() {
			return c.readNumber()
		}
	default:
		if c.Op.Ordering() {
			return fmt.Errorf("%s can be compared with : and != only", c.Field)
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
		return fmt.Errorf("%q is no level: debug, info, warn, error, or one of them with an offset like info+2", c.Value)
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

func (c *Compare) readNumber() error {
	n, err := strconv.ParseFloat(c.Value, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return fmt.Errorf("%q is no number; %s compares numbers", c.Value, c.Op)
	}
	c.Number = n
	return nil
}

func (c *Compare) readHex() error {
	if c.Op.Ordering() {
		return fmt.Errorf("%s can be compared with : and != only", c.Field)
	}
	c.Value = strings.ToLower(c.Value)
	if len(c.Value) > 32 || strings.Trim(c.Value, "0123456789abcdef") != "" {
		return fmt.Errorf("%q is no %s: up to 32 hexadecimal digits", c.Value, c.Field)
	}
	return nil
}
