package mesh

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	lookEvery = 5 * time.Second // finds replicas behind a name that were added
	lookLimit = 2 * time.Second // of one look
)

// names turns addresses with names into those of the hosts behind them, so that a headless Service of Kubernetes is balanced
// over its pods. Safe for concurrent use.
type names struct {
	look func(ctx context.Context, host string) ([]netip.Addr, error)

	mu      sync.Mutex
	known   map[string]*name
	ctx     context.Context //nolint:containedctx // ends looks that nobody waits for
	cancel  context.CancelFunc
	running sync.WaitGroup
}

type name struct {
	hosts   []string // none: a look has not succeeded yet
	looked  time.Time
	looking bool
}

func newNames() *names {
	n := &names{known: map[string]*name{}, look: func(ctx context.Context, host string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	}}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n
}

func (n *names) close() {
	n.mu.Lock() // no look begins between the end and the wait for the last
	n.cancel()
	n.mu.Unlock()
	n.running.Wait()
}

// expand answers at once: a name that has not been looked up yet stands for itself, and is looked up meanwhile.
func (n *names) expand(addresses []string) []string {
	if literal(addresses) {
		return addresses
	}
	return n.each(addresses, func(host string, one *name) {
		if one.looking || n.ctx.Err() != nil || time.Since(one.looked) < lookEvery {
			return
		}
		one.looking = true
		n.running.Go(func() { n.refresh(n.ctx, host) })
	})
}

// resolve looks up what is due before it answers.
func (n *names) resolve(ctx context.Context, addresses []string) []string {
	if literal(addresses) {
		return addresses
	}
	var due []string
	n.each(addresses, func(host string, one *name) {
		if time.Since(one.looked) >= lookEvery/2 {
			due = append(due, host)
		}
	})
	for _, host := range due {
		n.refresh(ctx, host)
	}
	return n.each(addresses, func(string, *name) {})
}

func (n *names) each(addresses []string, visit func(host string, one *name)) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []string
	for _, a := range addresses {
		host, port, err := net.SplitHostPort(a)
		if _, perr := netip.ParseAddr(host); err != nil || perr == nil {
			all = append(all, a)
			continue
		}
		one := n.known[host]
		if one == nil {
			one = &name{}
			n.known[host] = one
		}
		visit(host, one)
		if len(one.hosts) == 0 {
			all = append(all, a)
		}
		for _, h := range one.hosts {
			all = append(all, net.JoinHostPort(h, port))
		}
	}
	return all
}

// refresh keeps what was known where a look fails. Where a name has addresses of both families, they are the same hosts:
// those of IPv4 are taken.
func (n *names) refresh(ctx context.Context, host string) {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	found, err := n.look(ctx, host)
	var four, six []string
	for _, a := range found {
		if a = a.Unmap(); a.Is4() {
			four = append(four, a.String())
		} else {
			six = append(six, a.String())
		}
	}
	if len(four) == 0 {
		four = six
	}
	slices.Sort(four)
	n.mu.Lock()
	defer n.mu.Unlock()
	one := n.known[host]
	one.looking, one.looked = false, time.Now()
	if err == nil && len(four) > 0 {
		one.hosts = four
	}
}

func literal(addresses []string) bool {
	for _, a := range addresses {
		if _, err := netip.ParseAddrPort(a); err != nil {
			return false
		}
	}
	return true
}
