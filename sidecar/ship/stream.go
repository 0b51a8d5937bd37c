package ship

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

const (
	linger      = 50 * time.Millisecond // while few records wait, so that more go together
	callTimeout = 20 * time.Second      // of one export
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
	conn  grpc.ClientConnInterface
	epoch *spool.Epoch
	queue *spool.Queue
	live  bool // of the current epoch
	pace  pace
	near  bool // the store is on this machine: to compress costs more than it saves
}

func (s *Shipper) stream(conn grpc.ClientConnInterface, e *spool.Epoch, q *spool.Queue) *stream {
	return &stream{Shipper: s, conn: conn, epoch: e, queue: q, live: e == s.settings.Spool.Current(), pace: newPace()}
}

// run ships until the queue ends (io.EOF) or ctx does.
func (s *stream) run(ctx context.Context) error {
	defer s.queue.Release()
	for {
		records, err := s.queue.Next(ctx, s.pace.records)
		if err != nil {
			return err
		}
		s.started(records)
		err = s.deliver(ctx, records)
		s.ended()
		if err != nil {
			return err
		}
		if s.live && s.queue.State().Pending < s.pace.records/2 {
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
// bad record stands alone; one that is too much for the store is halved too, but not when the store has
// only asked to wait. By OTLP, a sender that is told RESOURCE_EXHAUSTED without a time to come again must not
// come again: a record that is too much all by itself would otherwise hold back its class for ever.
func (s *stream) deliver(ctx context.Context, records []spool.Record) error {
	for delay := firstPause; ; delay = min(2*delay, longPause) {
		err := s.export(ctx, records)
		switch {
		case err == nil:
			s.committed(records)
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case refusedAll(err, len(records)) || exhausted(err) && len(records) == 1:
			s.setAside(records, err)
			return nil
		case refused(err):
			return s.halve(ctx, records)
		case tooMuch(err) && len(records) > 1:
			s.pace.tooMuch(len(records))
			return s.halve(ctx, records)
		}
		s.metrics.failures.WithLabelValues(status.Code(err).String()).Inc()
		s.trouble(err)
		wait := jittered(delay)
		if quota, ok := asked(err); ok {
			wait = after(quota)
		}
		if err := pause.For(ctx, wait); err != nil {
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

// exhausted: the store cannot take as much, and names no time at which it could.
func exhausted(err error) bool {
	_, waits := asked(err)
	return !waits && status.Code(err) == codes.ResourceExhausted
}

// tooMuch: less at once may go through.
func tooMuch(err error) bool { return exhausted(err) || status.Code(err) == codes.DeadlineExceeded }

func (s *stream) export(ctx context.Context, records []spool.Record) error {
	raw, err := requestOf(s.epoch.Identity, s.queue.Class().String(), records)
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var to peer.Peer
	options := []grpc.CallOption{grpc.Peer(&to)}
	if !s.near {
		options = append(options, grpc.UseCompressor(gzip.Name))
	}
	start := time.Now()
	answer, err := export(ctx, s.conn, raw, options)
	took := time.Since(start)
	s.near = near(to.Addr)
	s.metrics.duration.Observe(took.Seconds())
	if err != nil {
		return fmt.Errorf("export logs: %w", err)
	}
	if partial := answer.GetPartialSuccess(); partial.GetRejectedLogRecords() > 0 {
		return &rejection{int(partial.GetRejectedLogRecords()), partial.GetErrorMessage()}
	}
	s.metrics.bytes.Add(float64(len(raw)))
	s.pace.observe(len(records), took)
	return nil
}

// export sends a request that is encoded already, as the unknown fields of a message that has none of its own.
func export(ctx context.Context, conn grpc.ClientConnInterface, raw []byte, options []grpc.CallOption) (*collector.ExportLogsServiceResponse, error) {
	request, answer := &emptypb.Empty{}, &collector.ExportLogsServiceResponse{}
	request.ProtoReflect().SetUnknown(raw)
	return answer, conn.Invoke(ctx, collector.LogsService_Export_FullMethodName, request, answer, options...)
}

// near reports an address on this machine.
func near(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

func (s *stream) committed(records []spool.Record) {
	s.succeeded()
	s.metrics.records[s.queue.Class()].Add(float64(len(records)))
	s.acknowledge(records[len(records)-1].Seq)
}

func (s *stream) acknowledge(seq uint64) {
	s.queue.Ack(seq)
	s.progressed(s.live)
	if s.live {
		s.metrics.watermark[s.queue.Class()].Set(float64(seq))
	}
}

// setAside keeps bad records in the quarantine folder with the store's reason, and goes on.
func (s *stream) setAside(records []spool.Record, reason error) {
	s.succeeded()
	for _, r := range records {
		if err := s.quarantine(r, reason); err != nil {
			s.tell(err)
		}
	}
	s.tell(fmt.Errorf("%d records were set aside: %w", len(records), reason))
	last := records[len(records)-1].Seq
	s.queue.Reject(uint64(len(records)), records[0].Seq, last)
	s.acknowledge(last)
}
