package logs

import "context"

// Plan is what would be read for a query, and how much is left after each step.
type Plan struct {
	Partitions int   // that hold any of its time
	Blocks     int   // in the store
	InTime     int   // blocks that meet the query's time
	OfServices int   // of these, of services that may be seen and are asked for
	OfLevels   int   // of these, that hold levels asked for
	Asked      int   // of these, how many have a filter that could be asked
	Candidates int   // of OfLevels, that the filters do not deny: these are read
	Records    int64 // in the candidates
	Bytes      int64 // of their texts, as they were sent
	Columns    []string
	Counted    bool // a histogram per minute reads next to nothing: stored counts answer it
}

// Explain says what would be read for q, and reads no log for it. Errors: ErrBusy, ErrTooSlow.
func Explain(ctx context.Context, s Store, q Query) (p Plan, err error) {
	err = s.View(ctx, q.Within, func(v View) (err error) {
		p, err = v.Plan(ctx, q)
		return err
	})
	return p, err
}
