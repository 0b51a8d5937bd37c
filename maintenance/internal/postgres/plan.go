package postgres

import (
	"context"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// Plan says what Scan would read.
func (v *question) Plan(ctx context.Context, q logs.Query) (p logs.Plan, err error) {
	s := &scan{question: v, query: clip(q)}
	needs := query.Needs{MinLevel: block.MinLevel, MaxLevel: block.MaxLevel}
	if q.Expr != nil {
		needs = query.Require(q.Expr)
	}
	p.Blocks, p.Counted = v.directory.blocks, q.Expr == nil || query.Simple(q.Expr)
	p.Columns = columnNames(block.Compile(q.Expr, nil).Columns())
	times, services := needs, needs
	times.MinLevel, times.MaxLevel, times.Services = block.MinLevel, block.MaxLevel, nil
	services.MinLevel, services.MaxLevel = block.MinLevel, block.MaxLevel
	type partition struct {
		tier block.Tier
		hour time.Time
	}
	partitions, left := map[partition]bool{}, []*block.Head(nil)
	v.directory.between(s.query.Since, s.query.Until, func(h *block.Head) {
		if !s.inTime(h) || !h.May(times) {
			return
		}
		p.InTime++
		partitions[partition{h.Tier, h.Hour}] = true
		if !q.Scope.Sees(h.Service) || !h.May(services) {
			return
		}
		if p.OfServices++; h.May(needs) {
			left = append(left, h)
		}
	})
	p.Partitions, p.OfLevels = len(partitions), len(left)
	return p, v.ask(ctx, &p, left, needs)
}

// ask holds the filters of what is left against the needs.
func (v *question) ask(ctx context.Context, p *logs.Plan, left []*block.Head, needs query.Needs) error {
	asks := block.Asks(needs)
	for len(left) > 0 {
		some := left[:min(atOnce, len(left))]
		left = left[len(some):]
		if asks && !v.late() {
			if err := v.filters.load(ctx, v.tx, some); err != nil {
				return err
			}
		}
		for _, h := range some {
			if asks && filtered(h) {
				p.Asked++
			}
			if !asks || v.filters.may(h, needs) {
				p.Candidates, p.Records, p.Bytes = p.Candidates+1, p.Records+int64(h.Records), p.Bytes+h.Bytes
			}
		}
	}
	return nil
}

func columnNames(c block.Column) []string {
	all := []string{"ts", "level"}
	for i, name := range [...]string{"logger", "msg", "attrs", "trace", "span"} {
		if c&(1<<i) != 0 {
			all = append(all, name)
		}
	}
	return all
}
