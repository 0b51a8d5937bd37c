package ingest

import (
	"context"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// part of a request: the records of one service. They are stored together.
type part struct {
	ctx     context.Context //nolint:containedctx // the request's; who has given up is skipped
	service string
	records []record.Record
	expired int
	cost    int
	done    chan error // one answer, after the commit
}

func newPart(ctx context.Context, service string, all []record.Record) *part {
	p := &part{ctx: ctx, service: service, records: all, done: make(chan error, 1)}
	for i := range all {
		p.cost += cost(&all[i])
		if all[i].Expired {
			p.expired++
		}
	}
	return p
}

// cost of a record: 1, or its KiB.
func cost(r *record.Record) int { return max(1, (len(r.Msg)+len(r.Attrs)+len(r.Logger))>>10) }

func costOf(parts []*part) (n int) {
	for _, p := range parts {
		n += p.cost
	}
	return n
}

const (
	quantum  = 1024 // what each service may give in its turn
	services = 8    // full queues that all may fill together; beyond it nobody may have more than an equal part
)

// queues of all services that have something waiting. Guarded by its owner.
type queues struct {
	limit   int // of one service
	quotas  quotas
	by      map[string]*queue
	ring    []*queue // in turn
	waiting int      // cost
}

type queue struct {
	service string
	parts   []*part
	cost    int
	deficit int // what it may still give in this turn
}

func newQueues(limit int, quota float64) *queues {
	return &queues{limit: limit, quotas: quotas{rate: quota, by: map[string]*bucket{}}, by: map[string]*queue{}}
}

// ask says why so many more of the service would be refused now; nil when they would not.
func (q *queues) ask(service string, n int, now time.Time) error {
	if wait := q.quotas.ask(service, n, now); wait > 0 {
		return refusal{overQuota, service, n, wait}
	}
	own := q.by[service]
	if own == nil { // whoever has nothing waiting may always put one batch, however large
		return nil
	}
	if own.cost+n > q.limit || (q.waiting+n > services*q.limit && own.cost+n > services*q.limit/len(q.by)) {
		return refusal{queueFull, service, n, fullPause}
	}
	return nil
}

// put takes all parts, or none.
func (q *queues) put(parts []*part, now time.Time) error {
	for _, p := range parts {
		if err := q.ask(p.service, p.cost, now); err != nil {
			return err
		}
	}
	for _, p := range parts {
		q.quotas.take(p.service, len(p.records), now)
		own := q.by[p.service]
		if own == nil {
			own = &queue{service: p.service}
			q.by[p.service] = own
			q.ring = append(q.ring, own)
		}
		own.parts = append(own.parts, p)
		own.cost += p.cost
		q.waiting += p.cost
	}
	return nil
}

// take gives what is to be stored together: from each service in turn what it may give (deficit round robin),
// until there is enough or nothing waits.
func (q *queues) take(enough int) (parts []*part) {
	for got := 0; got < enough && len(q.ring) > 0; {
		own := q.ring[0]
		q.ring = q.ring[1:]
		own.deficit += quantum
		for len(own.parts) > 0 && own.parts[0].cost <= own.deficit && got < enough {
			p := own.parts[0]
			own.parts[0], own.parts = nil, own.parts[1:]
			own.deficit -= p.cost
			own.cost -= p.cost
			q.waiting -= p.cost
			if p.ctx.Err() == nil { // else nobody waits for the answer, and it will come again
				parts, got = append(parts, p), got+p.cost
			}
		}
		if len(own.parts) == 0 {
			delete(q.by, own.service)
		} else {
			q.ring = append(q.ring, own)
		}
	}
	return parts
}
