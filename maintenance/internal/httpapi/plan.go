package httpapi

import (
	"context"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
)

// Plan is what a query would look through, and how much is left after each step.
type Plan struct {
	Partitions int      `json:"partitions" doc:"that hold any of its time, of services that may be seen"`
	Blocks     int      `json:"blocks" doc:"in the store, of services that may be seen"`
	InTime     int      `json:"in_time" doc:"blocks that meet its time"`
	OfServices int      `json:"of_services" doc:"of these, of services that may be seen and are asked for"`
	OfLevels   int      `json:"of_levels" doc:"of these, with levels that are asked for"`
	Asked      int      `json:"asked" doc:"of these, with a filter that can be asked for words, traces and values"`
	Candidates int      `json:"candidates" doc:"what the filters do not deny: these are read"`
	Records    int64    `json:"records" doc:"in the candidates"`
	Bytes      int64    `json:"bytes" doc:"of their texts, as they were sent"`
	Columns    []string `json:"columns" doc:"that are read to decide"`
	Counted    bool     `json:"counted" doc:"a histogram of it is answered by stored counts"`
}

func (h *Handlers) plan(ctx context.Context, q logs.Query) (*Plan, error) {
	p, err := logs.Explain(ctx, h.settings.Logs, q)
	if err != nil {
		return nil, h.failed(err)
	}
	shown := Plan(p)
	if shown.Columns == nil {
		shown.Columns = []string{}
	}
	return &shown, nil
}
