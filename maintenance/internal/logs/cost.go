package logs

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
)

// samples are the blocks that templates are estimated from.
const samples = 64

// Costs are who fills the log.
type Costs struct {
	Records   int64
	Bytes     int64         // of texts, as they were sent
	Services  []ServiceCost // all, the most bytes first
	Templates []TemplateCost
	Sampled   int // blocks that the templates were estimated from …
	Blocks    int // … of so many
	Reach
}

// ServiceCost is one service's part. Its records are exact, its bytes are so but for blocks that the bounds cut.
type ServiceCost struct {
	Service string
	Records int64
	Bytes   int64
	Share   float64 // of the bytes
	Rate    float64 // records a second, over the time from its first to its last one

	first, last time.Time
}

// TemplateCost is one pattern's part, estimated.
type TemplateCost struct {
	Service  string
	Template string
	Records  int64
	Bytes    int64
	Share    float64 // of the bytes
	Example  Example
}

// Cost finds the services and templates that cost most in the query's time and scope; q.Expr is left out of account. At most
// q.Limit templates; 0 is 20. Errors: ErrTooSlow, ErrBusy.
func Cost(ctx context.Context, s Store, q Query) (Costs, error) {
	q.Expr, q.Oldest, q.After, q.Delta = nil, false, nil, nil
	a := &accounts{query: q, services: map[string]*ServiceCost{}}
	b := &sampler{templates: map[[2]string]*TemplateCost{}}
	err := s.View(ctx, q.Within, func(v View) error {
		if _, err := v.Scan(ctx, q, 0, a); err != nil {
			return err
		}
		b.choose(a.heads, a.bytes)
		rest, err := v.Scan(ctx, q, block.Msg|block.Attrs|block.Logger, b)
		b.out.Reach = reach(rest)
		return err
	})
	if err != nil {
		return Costs{}, err
	}
	return b.finish(a, cmp.Or(q.Limit, 20)), nil
}

// accounts reads heads alone.
type accounts struct {
	query    Query
	heads    []*block.Head
	records  int64
	bytes    int64
	services map[string]*ServiceCost
}

// Wants no block.
func (a *accounts) Wants(h *block.Head) bool {
	n := a.within(h)
	if n == 0 {
		return false
	}
	bytes := h.Bytes * n / int64(h.Records)
	c := a.services[h.Service]
	if c == nil {
		c = &ServiceCost{Service: h.Service, first: h.From, last: h.To}
		a.services[h.Service] = c
	}
	c.Records, c.Bytes = c.Records+n, c.Bytes+bytes
	if h.From.Before(c.first) {
		c.first = h.From
	}
	if h.To.After(c.last) {
		c.last = h.To
	}
	a.records, a.bytes, a.heads = a.records+n, a.bytes+bytes, append(a.heads, h)
	return false
}

// span is how long there are records of a service, within the query's time; a second at least.
func (a *accounts) span(c *ServiceCost) time.Duration {
	first, last := c.first, c.last
	if first.Before(a.query.Since) {
		first = a.query.Since
	}
	if last.After(a.query.Until) {
		last = a.query.Until
	}
	return max(last.Sub(first), time.Second)
}

// Visit is never called.
func (a *accounts) Visit(*Chunk) error { return nil }

// within is how many of the block's records lie in the query's time, to the minute.
func (a *accounts) within(h *block.Head) (n int64) {
	if !h.From.Before(a.query.Since) && h.To.Before(a.query.Until) {
		return int64(h.Records)
	}
	for i, slot := range h.Slots {
		minute, _ := block.SlotOf(slot)
		if at := h.Hour.Add(time.Duration(minute) * time.Minute); !at.Before(a.query.Since.Truncate(time.Minute)) && at.Before(a.query.Until) {
			n += int64(h.Counts[i])
		}
	}
	return n
}

// sampler looks into blocks that are chosen by their share of the bytes: each stands for as many.
type sampler struct {
	chosen    map[int64]int64 // how many bytes a block stands for
	templates map[[2]string]*TemplateCost
	out       Costs
}

func (b *sampler) choose(heads []*block.Head, total int64) {
	b.chosen = map[int64]int64{}
	if len(heads) <= samples {
		for _, h := range heads {
			b.chosen[h.ID] = h.Bytes
		}
		return
	}
	step := max(total/samples, 1)
	next := step / 2
	for _, h := range heads {
		for at := h.Bytes; at > next; next += step {
			b.chosen[h.ID] += step
		}
		next -= h.Bytes
	}
}

// Wants the chosen.
func (b *sampler) Wants(h *block.Head) bool { return b.chosen[h.ID] > 0 }

// Visit adds the block's messages to their templates.
func (b *sampler) Visit(c *Chunk) error {
	b.out.Sampled++
	msgs, attrs, loggers := c.Msgs(), c.AttrTexts(), c.Loggers()
	weight := float64(b.chosen[c.ID]) / float64(max(c.Bytes, 1))
	for i := range c.Match.All() {
		key := [2]string{c.Service, template(msgs[i])}
		t := b.templates[key]
		if t == nil {
			if len(b.templates) >= maxPatterns {
				continue
			}
			part, _ := c.PartOf(i)
			t = &TemplateCost{Service: key[0], Template: key[1], Example: Example{c.Key(i), c.Service, part.Source.Instance, msgs[i]}}
			b.templates[key] = t
		}
		t.Share += weight
		t.Bytes += int64(weight * float64(len(msgs[i])+len(attrs[i])+len(loggers[i])+3))
	}
	return nil
}

func (b *sampler) finish(a *accounts, limit int) Costs {
	out := b.out
	out.Records, out.Bytes, out.Blocks = a.records, a.bytes, len(a.heads)
	share := func(bytes int64) float64 { return float64(bytes) / float64(max(a.bytes, 1)) }
	for _, c := range a.services {
		c.Share, c.Rate = share(c.Bytes), float64(c.Records)/a.span(c).Seconds()
		out.Services = append(out.Services, *c)
	}
	slices.SortFunc(out.Services, func(x, y ServiceCost) int {
		return cmp.Or(cmp.Compare(y.Bytes, x.Bytes), cmp.Compare(x.Service, y.Service))
	})
	all := slices.SortedFunc(maps.Values(b.templates), func(x, y *TemplateCost) int {
		return cmp.Or(cmp.Compare(y.Bytes, x.Bytes), cmp.Compare(x.Template, y.Template))
	})
	for _, t := range all[:min(limit, len(all))] {
		t.Records, t.Share = int64(t.Share), share(t.Bytes)
		out.Templates = append(out.Templates, *t)
	}
	return out
}
