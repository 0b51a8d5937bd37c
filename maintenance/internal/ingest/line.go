package ingest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

const (
	enough       = 8192                   // cost of one transaction, at most
	patience     = 250 * time.Millisecond // for one transaction; while the store is slower, they carry less: whoever comes next waits no longer
	little       = 512                    // less than this waits for more to come with it
	linger       = 50 * time.Millisecond  // between the beginnings of two transactions that carry little
	crowded      = 2048                   // cost waiting for which there is a second writer
	writers      = 2                      // at most; of the pool's connections some are left for questions
	writeTimeout = 15 * time.Second       // of one transaction: less than senders wait
)

// line is where batches wait for a writer. A batch that comes to an idle line is written at once; while
// little comes, transactions begin at most every linger, and carry what has gathered.
type line struct {
	settings Settings
	metrics  *metrics

	mu      sync.Mutex
	queues  *queues
	writing int           // writers there are
	began   time.Time     // the latest transaction
	size    int           // what the next one may cost
	more    chan struct{} // full when enough waits that lingering is of no use
}

func newLine(q *queues, s Settings) *line {
	return &line{settings: s, queues: q, size: enough, more: make(chan struct{}, 1)}
}

// ask says why n more records of the service would be refused now.
func (l *line) ask(service string, n int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.queues.ask(service, n, time.Now())
}

// waiting is the cost of what waits.
func (l *line) waiting() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return float64(l.queues.waiting)
}

// enter queues all parts, or none. Each gets its answer on done.
func (l *line) enter(parts []*part) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.queues.put(parts, time.Now()); err != nil {
		return err
	}
	if l.queues.waiting >= little {
		select {
		case l.more <- struct{}{}:
		default:
		}
	}
	if l.writing == 0 || (l.writing < writers && l.queues.waiting >= crowded) {
		l.writing++
		go l.write()
	}
	return nil
}

// write stores what waits until nothing does, or one writer is enough for it.
func (l *line) write() {
	for {
		parts, pause, ok := l.next()
		switch {
		case !ok:
			return
		case pause > 0:
			l.linger(pause)
		case len(parts) > 0:
			l.commit(parts)
		}
	}
}

// next is what to store, or how long to wait for more; not ok when this writer has nothing left to do.
func (l *line) next() (parts []*part, pause time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := l.queues.waiting
	if waiting == 0 || (l.writing > 1 && waiting < crowded) {
		l.writing--
		return nil, 0, false
	}
	if pause = linger - time.Since(l.began); waiting < little && pause > 0 {
		return nil, pause, true
	}
	l.began = time.Now()
	return l.queues.take(l.size), 0, true
}

// suit makes transactions smaller or larger after one that took so long.
func (l *line) suit(cost int, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case took > patience && cost >= l.size/2:
		l.size = max(quantum, l.size/2)
	case took < patience/2:
		l.size = min(enough, l.size*2)
	}
}

func (l *line) linger(pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.more:
	}
}

// commit stores the parts in one transaction and answers each. What the store refuses for a reason of its own
// is stored part by part: nobody suffers for a neighbour's batch.
func (l *line) commit(parts []*part) {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout) // of all requests, and so of none
	defer cancel()
	start := time.Now()
	err := l.store(ctx, parts...)
	l.suit(costOf(parts), time.Since(start))
	if err == nil || len(parts) == 1 || l.settings.Unavailable(err) {
		l.answer(err, parts...)
		return
	}
	for _, p := range parts {
		l.answer(l.store(ctx, p), p)
	}
}

func (l *line) answer(err error, parts ...*part) {
	for _, p := range parts {
		l.metrics.answered(p, err)
		p.done <- err
	}
}

func (l *line) store(ctx context.Context, parts ...*part) (err error) {
	defer func() { // the process is many services'; the batch comes again
		if r := recover(); r != nil {
			err = fmt.Errorf("store log records: panic: %v", r)
		}
	}()
	n := 0
	for _, p := range parts {
		n += len(p.records)
	}
	all := make([]record.Record, 0, n)
	for _, p := range parts {
		all = append(all, p.records...)
	}
	start := time.Now()
	res, err := l.settings.Store.Write(ctx, all)
	l.metrics.observe(res, time.Since(start), err)
	if err == nil && res.Stored > 0 {
		l.settings.Stored()
	}
	return err
}
