package cli

import (
	"encoding/json"
	"io"
	"strings"
)

// table prints rows under a header, columns aligned.
type table struct {
	out    io.Writer
	room   int // in cells; 0: as wide as it is
	before string
	rows   [][]string
}

// between columns.
const between = "   "

func newTable(out io.Writer, header ...string) *table {
	t := &table{out: out}
	if text, found := strings.CutPrefix(header[0], "\n"); found { // an empty line before it
		header[0], t.before = text, "\n"
	}
	t.row(header...)
	return t
}

// fit keeps the table within a terminal's width by shortening its widest columns, unless it is wanted whole.
func (t *table) fit(s screen, wide bool) *table {
	if s.terminal && !wide {
		t.room = s.cells
	}
	return t
}

// row adds one; what a cell says is another's, and steers no terminal.
func (t *table) row(cells ...string) {
	for i, text := range cells {
		cells[i] = printable(text)
	}
	t.rows = append(t.rows, cells)
}

func (t *table) flush() error {
	widths := widthsOf(t.rows)
	if t.room > 0 {
		narrow(widths, 0, t.room-len(between)*(len(widths)-1))
	}
	var b strings.Builder
	b.WriteString(t.before)
	for _, row := range t.rows {
		var line strings.Builder
		for i, text := range row {
			if i > 0 {
				line.WriteString(between)
			}
			line.WriteString(pad(cut(text, widths[i]), widths[i]))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	t.rows = nil
	_, err := io.WriteString(t.out, b.String())
	return err
}

// widthsOf columns, in cells.
func widthsOf(rows [][]string) (widths []int) {
	for _, row := range rows {
		for i, text := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], cells(text))
		}
	}
	return widths
}

// leastColumn is what a column keeps, in cells: enough to tell what it is.
const leastColumn = 8

// narrow shortens the widest of the columns behind the first so many, again and again, until all have room, or nothing
// is left that could be shortened.
func narrow(widths []int, fixed, room int) {
	total := 0
	for _, w := range widths {
		total += w
	}
	for ; total > room; total-- {
		widest := fixed
		for i := fixed; i < len(widths); i++ {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		if widest >= len(widths) || widths[widest] <= leastColumn {
			return
		}
		widths[widest]--
	}
}

func printJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
