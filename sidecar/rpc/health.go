package rpc

import (
	"context"

	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

// healthService is grpc.health.v1. A Check asks the gate; Watch follows what the last Check or Drain found.
type healthService struct {
	*health.Server
	gate func() error
}

func newHealthService(gate func() error) *healthService {
	return &healthService{Server: health.NewServer(), gate: gate}
}

// Check implements the health service. After Drain it stays not serving.
func (h *healthService) Check(ctx context.Context, r *healthv1.HealthCheckRequest) (*healthv1.HealthCheckResponse, error) {
	if r.GetService() == "" {
		h.refresh()
	}
	return h.Server.Check(ctx, r)
}

func (h *healthService) refresh() {
	status := healthv1.HealthCheckResponse_SERVING
	if h.gate() != nil {
		status = healthv1.HealthCheckResponse_NOT_SERVING
	}
	h.SetServingStatus("", status) // after Shutdown it changes nothing
}
