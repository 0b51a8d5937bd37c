package ship

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// store is a log store in memory that commits a batch wholly or not at all, and refuses doubles.
type store struct {
	collector.UnimplementedLogsServiceServer
	before func(ctx context.Context, bodies []string) error // may refuse
	after  func() error                                     // the answer gets lost
	partly bool                                             // refuse by PartialSuccess

	expired bool // take nothing at all
	calls   atomic.Int32
	segment int64 // of the spool before it, in bytes

	mu      sync.Mutex
	stored  map[string]string // place in the ledger → body
	order   map[string][]int64
	doubles int
	batches int
}

func (s *store) Export(ctx context.Context, r *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error) {
	places, bodies, seqs := unpack(r)
	s.calls.Add(1)
	if s.expired {
		return &collector.ExportLogsServiceResponse{PartialSuccess: &collector.ExportLogsPartialSuccess{RejectedLogRecords: int64(len(places)), ErrorMessage: "too old"}}, nil
	}
	if s.before != nil {
		if err := s.before(ctx, bodies); s.partly && status.Code(err) == codes.InvalidArgument {
			return &collector.ExportLogsServiceResponse{PartialSuccess: &collector.ExportLogsPartialSuccess{RejectedLogRecords: 1, ErrorMessage: err.Error()}}, nil
		} else if err != nil {
			return nil, err
		}
	}
	s.commit(places, bodies, seqs)
	s.mu.Lock()
	after := s.after
	s.mu.Unlock()
	if after != nil {
		if err := after(); err != nil {
			return nil, err
		}
	}
	return &collector.ExportLogsServiceResponse{}, nil
}

func (s *store) commit(places, bodies []string, seqs []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches++
	for i, place := range places {
		if _, twice := s.stored[place]; twice {
			s.doubles++
			continue
		}
		s.stored[place] = bodies[i]
		lane := place[:strings.LastIndexByte(place, '/')]
		s.order[lane] = append(s.order[lane], seqs[i])
	}
}

func unpack(r *collector.ExportLogsServiceRequest) (places, bodies []string, seqs []int64) {
	for _, rl := range r.ResourceLogs {
		resource := map[string]string{}
		for _, a := range rl.Resource.Attributes {
			resource[a.Key] = a.Value.GetStringValue()
		}
		for _, sl := range rl.ScopeLogs {
			for _, lr := range sl.LogRecords {
				class, seq := place(lr)
				places = append(places, fmt.Sprintf("%s/%s/%s/%d", resource["service.instance.id"], resource[AttrEpoch], class, seq))
				bodies = append(bodies, lr.Body.GetStringValue())
				seqs = append(seqs, seq)
			}
		}
	}
	return places, bodies, seqs
}

func place(lr *logs.LogRecord) (class string, seq int64) {
	for _, a := range lr.Attributes {
		switch a.Key {
		case AttrClass:
			class = a.Value.GetStringValue()
		case AttrSeq:
			seq = a.Value.GetIntValue()
		}
	}
	return class, seq
}

func (s *store) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.stored)
}
