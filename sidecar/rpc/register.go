package rpc

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"google.golang.org/grpc"

	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
)

// Registration says who may call a gRPC service, and what bounds it.
type Registration struct {
	Callers map[string]Callers // by method's short name; every method has an entry
	// Foreign admits a caller without a service token by the bearer token it has ("": none). It returns
	// the call's context, or an error with a problem code. nil: only services call.
	Foreign    func(ctx context.Context, token string) (context.Context, error)
	MaxMessage int  // bytes of one message; 0: 4 MiB, at most 16 MiB
	Ungated    bool // answers while Settings.Gate fails
}

// Register binds an implementation and says per method (short name, "Sync") who may call it.
// A method of desc without callers is an error: the service does not start.
func (s *Server) Register(desc *grpc.ServiceDesc, impl any, callers map[string]Callers) error {
	return s.RegisterWith(desc, impl, Registration{Callers: callers})
}

// RegisterWith is Register with all that can be said.
func (s *Server) RegisterWith(desc *grpc.ServiceDesc, impl any, r Registration) error {
	if err := r.check(desc, impl); err != nil {
		return fmt.Errorf("register %s: %w", desc.ServiceName, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.serving.Load():
		return fmt.Errorf("register %s: the server serves already", desc.ServiceName)
	case s.services[desc.ServiceName]:
		return fmt.Errorf("register %s: it is registered already", desc.ServiceName)
	}
	s.services[desc.ServiceName] = true
	s.grpc.RegisterService(s.guarded(desc, r), impl)
	return nil
}

// check finds what grpc itself would end the process for, and what would be open by oversight.
func (r Registration) check(desc *grpc.ServiceDesc, impl any) error {
	methods := methodsOf(desc)
	for _, m := range methods {
		if len(r.Callers[m]) == 0 {
			return fmt.Errorf("method %s has no callers", m)
		}
	}
	if len(methods) != len(r.Callers) {
		return fmt.Errorf("callers are given for methods that it does not have (it has %v)", methods)
	}
	if impl == nil {
		return errors.New("there is no implementation")
	}
	if want := reflect.TypeOf(desc.HandlerType).Elem(); !reflect.TypeOf(impl).Implements(want) {
		return fmt.Errorf("%T does not implement %s", impl, want)
	}
	if r.MaxMessage < 0 || r.MaxMessage > hardMaxMessage {
		return fmt.Errorf("messages of %d bytes: at most %d are possible", r.MaxMessage, hardMaxMessage)
	}
	return nil
}

func methodsOf(desc *grpc.ServiceDesc) []string {
	var names []string
	for _, m := range desc.Methods {
		names = append(names, m.MethodName)
	}
	for _, m := range desc.Streams {
		names = append(names, m.StreamName)
	}
	return names
}

// guarded is desc with each handler behind the guard. The handlers themselves are wrapped, rather than
// intercepted, because an interceptor runs after the message was read.
func (s *Server) guarded(desc *grpc.ServiceDesc, r Registration) *grpc.ServiceDesc {
	out := *desc
	out.Methods, out.Streams = nil, nil
	for _, m := range desc.Methods {
		g := s.guard(desc, m.MethodName, r)
		out.Methods = append(out.Methods, grpc.MethodDesc{MethodName: m.MethodName, Handler: g.unary(m.Handler)})
	}
	for _, m := range desc.Streams {
		g := s.guard(desc, m.StreamName, r)
		g.streams = true
		stream := m
		stream.Handler = g.stream(m.Handler)
		out.Streams = append(out.Streams, stream)
	}
	return &out
}

func (s *Server) guard(desc *grpc.ServiceDesc, method string, r Registration) guard {
	g := guard{
		server: s, method: desc.ServiceName + "/" + method,
		callers: r.Callers[method], foreign: r.Foreign, limit: r.MaxMessage, ungated: r.Ungated,
	}
	g.quiet = hop.Quiet("/" + g.method)
	if g.limit == 0 {
		g.limit = maxMessage
	}
	s.metrics.know("/" + g.method)
	return g
}
