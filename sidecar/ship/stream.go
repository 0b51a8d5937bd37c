package ship

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

const (
	mostRecords = 2000                   // in one batch
	linger      = 50 * time.Millisecond  // while few records wait, so that more go together
	callTimeout = 20 * time.Second       // of one export
	firstPause  = 100 * time.Millisecond // between attempts, doubled up to
	longPause   = 10 * time.Second
)

// rejection is an answer that says OK and that not all was taken, but not which.
type rejection struct {
	records int
	reason  string
}

func (r *rejection) Error() string {
	return fmt.Sprintf("the store rejected %d records: %s", r.records, r.reason)
}

// stream ships one class of one epoch, in order.
type stream struct {
	*Shipper
	client collector.LogsServiceClient
	epoch  *spool.Epoch
	queue  *spool.Queue
	live   bool // of the current epoch
}

func (s *Shipper) stream(client collector.LogsServiceClient, e *spool.Epoch, q *spool.Queue) *stream {
	return &stream{Shipper: s, client: client, epoch: e, queue: q, live: e == s.settings.Spool.Current()}
}

// run ships until the queue ends (io.EOF) or ctx does.
func (s *stream) run(ctx context.Context) error {
	defer s.queue.Release()
	for {
		records, err := s.queue.Next(ctx, mostRecords)
		if err != nil {
			return err
		}
		s.started(records)
		err = s.deliver(ctx, records)
		s.ended()
		if err != nil {
			return err
		}
		if s.live && s.queue.State().Pending < mostRecords/2 {
			if err := pause.For(ctx, linger); err != nil {
				return err
			}
		}
	}
}

func (s *stream) started(records []spool.Record) {
	if s.live {
		s.oldest[s.queue.Class()].Store(int64(decode(records[0].Line).GetObservedTimeUnixNano()))
	}
}

func (s *stream) ended() {
	if s.live {
		s.oldest[s.queue.Class()].Store(0)
	}
}

// deliver has all records committed or set aside when it returns nil. A refused batch is halved until the
// bad record stands alone; one that is too much for the store is halved too.
func (s *stream) deliver(ctx context.Context, records []spool.Record) error {
	for delay := firstPause; ; delay = min(2*delay, longPause) {
		err := s.export(ctx, records)
		switch {
		case err == nil:
			s.committed(records)
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case refusedAll(err, len(records)):
			s.setAside(records, err)
			return nil
		case refused(err) || tooMuch(err) && len(records) > 1:
			return s.halve(ctx, records)
		}
		s.metrics.failures.WithLabelValues(status.Code(err).String()).Inc()
		s.trouble(err)
		if err := pause.For(ctx, delay/2+rand.N(delay)); err != nil {
			return err
		}
	}
}

func (s *stream) halve(ctx context.Context, records []spool.Record) error {
	half := len(records) / 2
	if err := s.deliver(ctx, records[:half]); err != nil {
		return err
	}
	return s.deliver(ctx, records[half:])
}

// refused: sending the same again is of no use.
func refused(err error) bool {
	var r *rejection
	return errors.As(err, &r) || status.Code(err) == codes.InvalidArgument
}

// refusedAll: there is no good record among the n of the batch.
func refusedAll(err error, n int) bool {
	var r *rejection
	return refused(err) && (n == 1 || errors.As(err, &r) && r.records >= n)
}

func tooMuch(err error) bool {
	return status.Code(err) == codes.ResourceExhausted || status.Code(err) == codes.DeadlineExceeded
}

func (s *stream) export(ctx context.Context, records []spool.Record) error {
	request := s.request(records)
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	start := time.Now()
	answer, err := s.client.Export(ctx, request, grpc.UseCompressor(gzip.Name))
	s.metrics.duration.Observe(time.Since(start).Seconds())
	if err != nil {
		return fmt.Errorf("export logs: %w", err)
	}
	if partial := answer.GetPartialSuccess(); partial.GetRejectedLogRecords() > 0 {
		return &rejection{int(partial.GetRejectedLogRecords()), partial.GetErrorMessage()}
	}
	s.metrics.bytes.Add(float64(proto.Size(request)))
	return nil
}

func (s *stream) committed(records []spool.Record) {
	s.succeeded()
	s.metrics.records[s.queue.Class()].Add(float64(len(records)))
	s.acknowledge(records[len(records)-1].Seq)
}

func (s *stream) acknowledge(seq uint64) {
	s.queue.Ack(seq)
	if s.live {
		s.metrics.watermark[s.queue.Class()].Set(float64(seq))
	}
}

// setAside keeps bad records in the quarantine folder with the store's reason, and goes on.
func (s *stream) setAside(records []spool.Record, reason error) {
	for _, r := range records {
		if err := s.quarantine(r, reason); err != nil {
			s.trouble(err)
		}
	}
	s.trouble(fmt.Errorf("%d records were set aside: %w", len(records), reason))
	last := records[len(records)-1].Seq
	s.queue.Reject(uint64(len(records)), records[0].Seq, last)
	s.acknowledge(last)
}
