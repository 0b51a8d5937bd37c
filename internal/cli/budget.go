package cli

import (
	"fmt"
	"strconv"
	"strings"
)

// budget of a lease: lines or bytes, whichever is spent first. 0: none.
type budget struct {
	Lines int64 `json:"lines,omitempty"`
	Bytes int64 `json:"bytes,omitempty"`
}

// budgetFlag is a budget on the command line.
type budgetFlag budget

// UnmarshalText reads 10000 (lines), 10000lines, 5MB or 512KiB.
func (b *budgetFlag) UnmarshalText(text []byte) error {
	number := strings.TrimRight(string(text), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
	unit := strings.ToLower(strings.TrimSpace(string(text)[len(number):]))
	n, err := strconv.ParseFloat(strings.ReplaceAll(number, "_", ""), 64)
	if err != nil || n < 1 || n > 1<<50 {
		return fmt.Errorf("%q: want lines as 10000, or bytes as 5MB or 512KiB", text)
	}
	if unit == "" || unit == "line" || unit == "lines" {
		b.Lines = int64(n)
		return nil
	}
	for i, name := range []string{"b", "kb", "mb", "gb"} {
		factor := []float64{1, 1e3, 1e6, 1e9}[i]
		binary := float64(int64(1) << (10 * i))
		switch unit {
		case name:
			b.Bytes = int64(n * factor)
			return nil
		case strings.TrimSuffix(name, "b") + "ib":
			b.Bytes = int64(n * binary)
			return nil
		}
	}
	return fmt.Errorf("%q: want lines as 10000, or bytes as 5MB or 512KiB", text)
}

// String as people write it.
func (b budget) String() string {
	var all []string
	if b.Lines > 0 {
		all = append(all, counted(b.Lines, "line"))
	}
	if b.Bytes > 0 {
		all = append(all, amount(float64(b.Bytes)))
	}
	return strings.Join(all, ", ")
}
