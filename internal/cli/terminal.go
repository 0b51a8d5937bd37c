package cli

import (
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
	"golang.org/x/text/width"
)

// screen is what an output can show: its width in cells, and whether colours may be used. A file or a pipe is none.
type screen struct {
	terminal bool
	colour   bool
	cells    int
}

// defaultCells of an output that is no terminal and of which nobody said how wide it is.
const defaultCells = 120

// screenOf looks at an output. COLUMNS wins over what the terminal says; NO_COLOR (no-color.org) and a dumb terminal
// have no colours.
func screenOf(out io.Writer, environ []string) screen {
	s := screen{cells: defaultCells}
	if f, ok := out.(*os.File); ok {
		if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil {
			s.terminal, s.cells = true, max(int(size.Col), 40)
			s.colour = variable(environ, "NO_COLOR") == "" && variable(environ, "TERM") != "dumb"
		}
	}
	if n, err := strconv.Atoi(variable(environ, "COLUMNS")); err == nil && n >= 40 && n <= 1000 {
		s.cells = n
	}
	return s
}

// Colours, as SGR parameters.
const (
	faint   = "2"
	bold    = "1"
	red     = "31"
	redBold = "1;31"
	yellow  = "33"
	blue    = "34"
	magenta = "35"
	cyan    = "36"
)

// paint puts a text in a colour, where there are any; "" is none.
func (s screen) paint(colour, text string) string {
	if !s.colour || colour == "" || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// ofLevel is the colour of slog's level names, with or without an offset.
func ofLevel(level string) string {
	switch {
	case strings.HasPrefix(level, "ERROR"):
		return redBold
	case strings.HasPrefix(level, "WARN"):
		return yellow
	case strings.HasPrefix(level, "INFO"):
		return blue
	default:
		return faint
	}
}

// cells is how wide a text is on a terminal.
func cells(text string) (n int) {
	for _, r := range text {
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// pad fills a text to n cells.
func pad(text string, n int) string { return text + strings.Repeat(" ", max(0, n-cells(text))) }

// cut shortens a text to n cells, and says so.
func cut(text string, n int) string {
	if n <= 0 || cells(text) <= n {
		return text
	}
	for cells(text) > n-1 && text != "" {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text + "…"
}

// grouped writes a number with thin groups of three: 1 234 567.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + " " + text[i:]
	}
	return text
}

// counted is a number with its noun: 1 record, 2 000 records.
func counted(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return grouped(n) + " " + noun
}

// amount writes bytes as people read them.
func amount(bytes float64) string {
	for _, u := range []string{"B", "KB", "MB", "GB", "TB"} {
		if bytes < 1000 || u == "TB" {
			return strconv.FormatFloat(bytes, 'f', digits(bytes, u), 64) + " " + u
		}
		bytes /= 1000
	}
	return ""
}

func digits(n float64, unit string) int {
	if n < 10 && unit != "B" {
		return 1
	}
	return 0
}
