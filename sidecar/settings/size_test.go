package settings

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Size{"0": 0, "65537": 65537, "3KiB": 3 << 10, "256MiB": 256 << 20, "8GiB": 8 << 30} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want || s.String() != text {
			t.Errorf("%s is %d (%s): %v", text, s, s, err)
		}
		var again Size
		if raw, err := json.Marshal(s); err != nil || json.Unmarshal(raw, &again) != nil || again != s {
			t.Errorf("%s by way of JSON is %d: %s %v", text, again, raw, err)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1.5MiB", "256 MiB", "1MB", "9999999999GiB", "9223372036854775808"} {
		if err := new(Size).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is a size", text)
		}
	}
}

func TestSizeIsExplained(t *testing.T) {
	t.Parallel()
	var c struct {
		Limit Size `env:"LIMIT" envDefault:"256MiB"`
	}
	if err := Load("orders", nil, &c); err != nil || c.Limit != 256<<20 {
		t.Errorf("%d: %v", c.Limit, err)
	}
	err := Load("orders", []string{"SIGNALBOX_ORDERS_LIMIT=256M"}, &c)
	if err == nil || !strings.Contains(err.Error(), "SIGNALBOX_ORDERS_LIMIT") || !strings.Contains(err.Error(), "256MiB") {
		t.Errorf("%v", err)
	}
}
