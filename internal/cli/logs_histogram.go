package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

type logsHistogram struct {
	meshFlags
	question
	output
	Every  duration `help:"What one bar stands for, as 1m; nothing: what fits the width." placeholder:"TIME"`
	Height int      `default:"3" help:"Lines a level is drawn in, 1 to 10."`
	Exact  bool     `help:"Draw levels between the named ones, as INFO+2, by themselves, not with the one below them."`
	UTC    bool     `help:"Show times in UTC, not in local time."`
}

func (logsHistogram) Help() string {
	return `Every level is drawn to its own height, whose number stands at the right; ! marks where records are missing.
Levels between the named ones count with the one below, INFO+2 with INFO; --exact draws them by themselves.

Examples:
  signalbox logs histogram
  signalbox logs histogram --since 24h 'level>=warn' service:catalogs
  signalbox logs histogram --since 13:00 --until 14:00 --every 30s --json`
}

// histogram is what the API counts: exactly, per bucket and level.
type histogram struct {
	Since   time.Time        `json:"since"`
	Until   time.Time        `json:"until"`
	Step    float64          `json:"step_seconds"`
	Records int64            `json:"records"`
	Levels  map[string]int64 `json:"levels"`
	Buckets []bucket         `json:"buckets"`
	Partial bool             `json:"partial,omitempty"`
	Gaps    []gap            `json:"gaps"`
}

type bucket struct {
	From   time.Time        `json:"from"`
	Levels map[string]int64 `json:"levels,omitempty"`
}

// Run draws it.
func (c *logsHistogram) Run(ctx context.Context, p Process) error {
	if c.Height < 1 || c.Height > 10 {
		return misuse("--height %d: want 1 to 10", c.Height)
	}
	query, err := c.values(p.now())
	if err != nil {
		return err
	}
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	l := newPlain(p, c.UTC)
	query.Set("buckets", strconv.Itoa(min(l.screen.cells-histogramEdges, 200)))
	if c.Every > 0 {
		query.Del("buckets")
		query.Set("every", c.Every.String())
	}
	var answer histogram
	if err := c.ask(ctx, api, "/histogram", query, &answer); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.Stdout, answer)
	}
	if !c.Exact {
		answer = answer.named()
	}
	return answer.draw(l, c.Height)
}

// histogramEdges is what stands beside the bars: the level and its count at the left, the height at the right.
const histogramEdges = 32

// draw writes it for people: a title, each level from the worst on, and the time below. Buckets for which there is no
// room are drawn together.
func (h histogram) draw(l *lines, height int) error {
	h = h.folded(l.screen.cells - histogramEdges)
	var b strings.Builder
	step := time.Duration(h.Step * float64(time.Second))
	fmt.Fprintf(&b, "%s records, %s–%s, a bar is %s\n", grouped(h.Records), l.clock(h.Since), l.clock(h.Until), short(step)) //nolint:errcheck // a Builder takes all
	for _, level := range h.levels() {
		h.level(&b, l.screen, level, height)
	}
	h.gapMarks(&b, l.screen)
	h.axis(&b, l)
	if h.Partial {
		b.WriteString("time was up before everything was counted: take a shorter time, or name a service\n")
	}
	if _, err := io.WriteString(l.out, b.String()); err != nil {
		return err
	}
	return l.all(nil, h.Gaps)
}

// named counts levels between the named ones with the one below: INFO+2 is INFO. What is below DEBUG stays what it is.
func (h histogram) named() histogram {
	h.Levels = byName(h.Levels)
	buckets := make([]bucket, len(h.Buckets))
	for i, b := range h.Buckets {
		buckets[i] = bucket{b.From, byName(b.Levels)}
	}
	h.Buckets = buckets
	return h
}

// folded adds neighbours up until they have room.
func (h histogram) folded(room int) histogram {
	n := (len(h.Buckets) + room - 1) / room
	if n <= 1 {
		return h
	}
	var wide []bucket
	for part := range slices.Chunk(h.Buckets, n) {
		sum := bucket{From: part[0].From, Levels: map[string]int64{}}
		for _, b := range part {
			for level, count := range b.Levels {
				sum.Levels[level] += count
			}
		}
		wide = append(wide, sum)
	}
	h.Buckets, h.Step = wide, h.Step*float64(n)
	return h
}

// levels that have records, the worst first.
func (h histogram) levels() []string {
	return slices.SortedFunc(maps.Keys(h.Levels), func(a, b string) int { return cmp.Compare(severity(b), severity(a)) })
}

func byName(levels map[string]int64) map[string]int64 {
	sums := make(map[string]int64, len(levels))
	for name, n := range levels {
		sums[nameBelow(name)] += n
	}
	return sums
}

// nameBelow is the name that a level counts under.
func nameBelow(name string) string {
	var l slog.Level
	if l.UnmarshalText([]byte(name)) != nil {
		return name
	}
	for _, named := range []slog.Level{slog.LevelError, slog.LevelWarn, slog.LevelInfo, slog.LevelDebug} {
		if l >= named {
			return named.String()
		}
	}
	return name
}

func severity(name string) slog.Level {
	var l slog.Level
	_ = l.UnmarshalText([]byte(name)) // a name that is no level sorts as INFO
	return l
}

// level draws one: bars of eighths, so many lines high, its highest bar being full.
func (h histogram) level(b *strings.Builder, s screen, level string, height int) {
	most := int64(0)
	for _, bucket := range h.Buckets {
		most = max(most, bucket.Levels[level])
	}
	if most == 0 {
		return
	}
	for row := height - 1; row >= 0; row-- {
		label, edge := strings.Repeat(" ", 18), ""
		if row == 0 {
			label = pad(level, 8) + fmt.Sprintf("%9s ", grouped(h.Levels[level]))
		}
		if row == height-1 {
			edge = " max " + grouped(most)
		}
		var bar strings.Builder
		for _, bucket := range h.Buckets {
			bar.WriteRune(eighth(bucket.Levels[level], most, row, height))
		}
		b.WriteString(s.paint(ofLevel(level), label) + "│" + s.paint(ofLevel(level), bar.String()) + "│" + edge + "\n")
	}
}

// eighth is the block of one bar in one row; what is not nothing is seen.
func eighth(n, most int64, row, height int) rune {
	full := int64(height) * 8
	filled := n * full / most
	if n > 0 && filled == 0 {
		filled = 1
	}
	return []rune(" ▁▂▃▄▅▆▇█")[min(max(filled-int64(row)*8, 0), 8)]
}

// gapMarks is a line with ! where records are missing, if any are.
func (h histogram) gapMarks(b *strings.Builder, s screen) {
	marks := []rune(strings.Repeat(" ", len(h.Buckets)))
	found := false
	for _, g := range h.Gaps {
		from, to := g.at(), g.at()
		if g.ToTS != nil {
			to = *g.ToTS
		}
		for i, bucket := range h.Buckets {
			end := bucket.From.Add(time.Duration(h.Step * float64(time.Second)))
			if from.Before(end) && !to.Before(bucket.From) {
				marks[i], found = '!', true
			}
		}
	}
	if found {
		b.WriteString(s.paint(magenta, pad("missing", 18)+"│"+string(marks)+"│") + "\n")
	}
}

// axis writes times below the bars, as many as have room.
func (h histogram) axis(b *strings.Builder, l *lines) {
	if len(h.Buckets) == 0 {
		return
	}
	layout := "15:04"
	if h.Step < 60 && h.Until.Sub(h.Since) < 10*time.Minute {
		layout = "15:04:05"
	}
	if h.Until.Sub(h.Since) > 36*time.Hour {
		layout = "01-02 15:04"
	}
	room := len(layout) + 4
	line := strings.Repeat(" ", 18)
	for i := 0; i < len(h.Buckets); i += room {
		mark := "└" + l.zone(h.Buckets[i].From).Format(layout)
		if i+len(layout)+1 > len(h.Buckets) && i > 0 {
			break
		}
		line += " "[min(i, 1):] + pad(mark, room)
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}

// short writes a duration without what is nought: 1m, not 1m0s.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
