package mesh

import (
	"sync/atomic"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
)

// policyName is ours in gRPC's table of balancers.
const policyName = "signalbox_two_choices"

// gRPC finds balancers by name in a table of the process, which may be written to here alone. What is entered has no state:
// each connection's own comes to it with its addresses.
func init() {
	balancer.Register(base.NewBalancerBuilder(policyName, pickers{}, base.Config{}))
}

type replicaKey struct{}

// pickers makes the picker of the replicas that are connected. Those that are not are connected to in the background, with
// backoff.
type pickers struct{}

// Build implements base.PickerBuilder.
func (pickers) Build(info base.PickerBuildInfo) balancer.Picker {
	if len(info.ReadySCs) == 0 {
		return base.NewErrPicker(balancer.ErrNoSubConnAvailable)
	}
	p := &picker{conns: make(map[*replica]balancer.SubConn, len(info.ReadySCs))}
	for conn, sc := range info.ReadySCs {
		r, ok := sc.Address.Attributes.Value(replicaKey{}).(*replica)
		if !ok {
			r = &replica{address: sc.Address.Addr}
		}
		p.all, p.conns[r] = append(p.all, r), conn
	}
	return p
}

// picker is the power of two choices over the calls that replicas have in flight. Safe for concurrent use.
type picker struct {
	all   []*replica
	conns map[*replica]balancer.SubConn
	turn  atomic.Uint64
}

// Pick implements balancer.Picker.
func (p *picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	r := choose(p.all, p.turn.Add(1), func(*replica) int { return 0 })
	r.inFlight.Add(1)
	sent, _ := info.Ctx.Value(sentKey{}).(*atomic.Bool)
	if sent != nil {
		sent.Store(true) // until it turns out that nothing was
	}
	return balancer.PickResult{SubConn: p.conns[r], Done: func(done balancer.DoneInfo) {
		r.inFlight.Add(-1)
		if sent != nil && !done.BytesSent {
			sent.Store(false)
		}
	}}, nil
}
