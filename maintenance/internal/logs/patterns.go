package logs

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
)

// maxPatterns that are told apart; what comes later goes to Others.
const maxPatterns = 10_000

// Pattern is a group of records whose messages differ only in numbers, ids, and the like.
type Pattern struct {
	Template string
	Count    int64
	Share    float64 // of all records that match
	Levels   map[slog.Level]int64
	Services []string
	First    time.Time
	Last     time.Time
	Example  Example // the newest
	New      bool
}

// Example is one record of a pattern.
type Example struct {
	Key
	Service, Instance, Msg string
}

// Patterns are what a query's records are about, the most frequent first.
type Patterns struct {
	Patterns []Pattern
	Total    int64 // of the records that match
	Others   int64 // of them in patterns that are not listed
	Reach
	Gaps []Gap
}

// News tells which patterns are new: with Since those that did not occur before it, in a time before as long as from then
// to the query's end; with Version those that occur in that version alone.
type News struct {
	Since   time.Time
	Version string
}

// Group finds the patterns of q, at most q.Limit; 0 is 100. Errors: ErrTooSlow when not even the first block could be looked
// through, ErrBusy.
func Group(ctx context.Context, s Store, q Query, n News) (Patterns, error) {
	g := &grouper{news: n, since: q.Since, raw: map[string]*group{}, groups: map[string]*group{}}
	scan := q
	scan.Oldest, scan.After = false, nil
	if before := n.Since.Add(n.Since.Sub(q.Until)); !n.Since.IsZero() && before.Before(q.Since) {
		scan.Since = before
	}
	err := s.View(ctx, q.Within, func(v View) error {
		rest, err := v.Scan(ctx, scan, block.Msg, g)
		g.out.Reach = reach(rest)
		return err
	})
	if err != nil {
		return Patterns{}, err
	}
	out := g.finish(cmp.Or(q.Limit, 100))
	out.Gaps, err = gapsIn(ctx, s, q, q.Since, q.Until)
	return out, err
}

type group struct {
	Pattern
	services map[string]bool
	before   bool // occurred before News.Since
	elder    bool // occurred in another version
}

type grouper struct {
	news   News
	since  time.Time
	raw    map[string]*group // by message, so that constant ones are not masked each time
	groups map[string]*group
	out    Patterns
}

// Wants every block.
func (g *grouper) Wants(*block.Head) bool { return true }

// Visit groups the messages.
func (g *grouper) Visit(c *Chunk) error {
	msgs := c.Msgs()
	for i := range c.Match.All() {
		ts := c.Time(i)
		counted := !ts.Before(g.since)
		if counted {
			g.out.Total++
		}
		p := g.group(msgs[i])
		if p == nil {
			continue
		}
		if g.tell(p, c, i, ts); counted {
			p.take(c, i, ts, msgs[i])
		}
	}
	return nil
}

func (g *grouper) group(msg string) *group {
	if p, ok := g.raw[msg]; ok {
		return p
	}
	t := template(msg)
	p := g.groups[t]
	if p == nil && len(g.groups) < maxPatterns {
		p = &group{services: map[string]bool{}}
		p.Template = t
		g.groups[t] = p
	}
	if len(g.raw) < maxPatterns {
		g.raw[msg] = p
	}
	return p
}

// tell notes where the pattern was before.
func (g *grouper) tell(p *group, c *Chunk, i int, ts time.Time) {
	if !g.news.Since.IsZero() && ts.Before(g.news.Since) {
		p.before = true
	}
	if g.news.Version != "" && !p.elder {
		part, _ := c.PartOf(i)
		p.elder = part.Source.Version != g.news.Version
	}
}

func (p *group) take(c *Chunk, i int, ts time.Time, msg string) {
	if p.Count++; p.Count == 1 {
		p.First, p.Levels = ts, map[slog.Level]int64{}
	}
	p.Levels[c.Level(i)]++
	p.services[c.Service] = true
	if ts.Before(p.First) {
		p.First = ts
	}
	if p.Count == 1 || ts.After(p.Last) {
		part, _ := c.PartOf(i)
		p.Last, p.Example = ts, Example{c.Key(i), c.Service, part.Source.Instance, msg}
	}
}

func (g *grouper) finish(limit int) Patterns {
	all := slices.DeleteFunc(slices.Collect(maps.Values(g.groups)), func(p *group) bool { return p.Count == 0 })
	slices.SortFunc(all, func(a, b *group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Template, b.Template))
	})
	g.out.Others = g.out.Total
	for _, p := range all[:min(limit, len(all))] {
		p.Share, p.Services = float64(p.Count)/float64(g.out.Total), slices.Sorted(maps.Keys(p.services))
		p.New = !g.news.Since.IsZero() && !p.before || g.news.Version != "" && !p.elder
		g.out.Patterns, g.out.Others = append(g.out.Patterns, p.Pattern), g.out.Others-p.Count
	}
	return g.out
}
