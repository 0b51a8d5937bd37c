package fleet

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// Sync is one heartbeat: it reports, and takes over the leases that hold here. Run calls it.
func (a *Agent) Sync(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	select {
	case a.syncing <- struct{}{}: // one after the other, so that the last word is the last
		defer func() { <-a.syncing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	before := a.leases.seen()
	asked := time.Now()
	req := a.request()
	res, err := a.settings.Client.Sync(ctx, req)
	a.metrics.synced(err)
	a.note(res, err)
	if err != nil {
		return fmt.Errorf("sync with view-service: %w", err)
	}
	some, more := a.events.carried(req.GetEvents())
	if some {
		a.keeper.want()
	}
	if more {
		a.wantedSoon()
	}
	if !a.leases.replace(res, before, asked) {
		a.Wanted() // a message came in meanwhile, and this answer does not know it yet
	}
	return nil
}

func (a *Agent) note(res *fleetv1.SyncResponse, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		a.failing = err
		return
	}
	a.synced = time.Now()
	if d := res.GetHeartbeat().AsDuration(); d >= 100*time.Millisecond && d <= time.Minute {
		a.interval = d
	}
}

func (a *Agent) request() *fleetv1.SyncRequest {
	s := a.settings
	req := &fleetv1.SyncRequest{
		Instance: &fleetv1.Instance{Service: s.Service, Instance: s.Instance, Version: s.Version, Epoch: s.Epoch, Pid: int64(s.PID),
			PublicAddress: s.PublicAddr, PrivateAddress: s.PrivateAddr, Environment: s.Environment, StartedAt: timestamppb.New(s.StartedAt)},
		Stopping: a.stopping.Load(),
		Revision: a.leases.seen(),
		Applied:  a.leases.applied(),
		Events:   a.events.report(), SettingsHash: s.SettingsHash,
	}
	if s.Sampling != nil {
		req.SamplingConfigured, req.SamplingEffective = s.Sampling()
	}
	if s.Suppressed != nil {
		req.Suppressed = a.rates.over(time.Now(), s.Suppressed())
	}
	a.addHealth(req)
	a.addUsage(req)
	a.addLevels(req)
	a.addLedger(req)
	a.addEdges(req)
	return req
}

func (a *Agent) addHealth(req *fleetv1.SyncRequest) {
	if a.settings.Health == nil {
		return
	}
	report := a.settings.Health()
	req.Health = &fleetv1.Health{Status: string(report.Status), Since: timestamppb.New(report.Since)}
	for _, c := range report.Checks {
		req.Health.Checks = append(req.Health.Checks, &fleetv1.Check{Name: c.Name, Status: string(c.Status), Error: c.Error, Node: c.Node,
			Since: timestamppb.New(c.Since), Weight: c.Weight})
	}
}

func (a *Agent) addUsage(req *fleetv1.SyncRequest) {
	if a.settings.Usage == nil {
		return
	}
	u := a.settings.Usage()
	req.Usage = &fleetv1.Usage{ResidentBytes: u.Resident, HeapBytes: u.Heap, Goroutines: u.Goroutines, CpuSeconds: u.CPU.Seconds(), Process: telemetry.ProcessID()}
}

func (a *Agent) addLevels(req *fleetv1.SyncRequest) {
	if a.settings.States == nil {
		return
	}
	for _, l := range a.settings.States() {
		one := &fleetv1.Logger{Name: l.Logger, Configured: l.Configured.String(), Effective: l.Effective.String(), LeaseId: l.LeaseID}
		if l.Leased != nil {
			one.Leased = l.Leased.String()
		}
		req.Loggers = append(req.Loggers, one)
	}
}

func (a *Agent) addLedger(req *fleetv1.SyncRequest) {
	if a.settings.Ledger == nil {
		return
	}
	for _, c := range a.settings.Ledger() {
		req.Ledger = append(req.Ledger, &fleetv1.Ledger{Class: c.Name, Issued: c.Issued, Acked: c.Acked, Closed: c.Closed})
	}
}

func (a *Agent) addEdges(req *fleetv1.SyncRequest) {
	if a.settings.Edges == nil {
		return
	}
	for _, e := range a.settings.Edges() {
		req.Edges = append(req.Edges, &fleetv1.Edge{Source: e.Source, Destination: e.Destination, Protocol: e.Protocol, Calls: e.Classes,
			Errors: e.Errors, Seconds: e.Seconds, Open: e.Open})
	}
}
