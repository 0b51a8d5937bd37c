package up

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/signalbox-mesh/signalbox/internal/house"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/profile"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

// inProcess runs every service in this process, one instance each.
type inProcess struct {
	running []*hosted
	failure chan error
	deaf    func() // ends listening to signals
}

// hosted is one service and the end of its Run.
type hosted struct {
	name string
	svc  house.Service
	done chan struct{}
}

func newInProcess(*meshup) *inProcess {
	return &inProcess{failure: make(chan error, len(house.Entries())), deaf: func() {}}
}

func (p *inProcess) start(ctx context.Context, m *meshup) error {
	profilers := profile.NewRuntime(0)
	keys, err := servicetoken.OpenBundle(m.state.bundleFile())
	if err != nil {
		return err
	}
	var all []house.Service
	for _, e := range house.Entries() {
		svc, err := e.New(ctx, m.environ, sidecar.Settings{
			Service: e.Name, Version: m.options.Version, Peers: m.book, Bus: m.servers.open, Stderr: m.stderr, Profilers: profilers, Keys: keys,
		})
		if err != nil {
			return err
		}
		m.book.Set(e.Name, peers.Peer{HTTP: []string{svc.PublicAddr()}, RPC: []string{svc.PrivateAddr()}})
		if e.Name == "gateway" {
			m.apiAddr = svc.PublicAddr()
		}
		p.host(ctx, e.Name, svc)
		all = append(all, svc)
	}
	p.deaf = house.Obey(all...)
	return nil
}

// host runs one service; its end is told by its context alone, so that they stop one by one.
func (p *inProcess) host(ctx context.Context, name string, svc house.Service) {
	h := &hosted{name: name, svc: svc, done: make(chan struct{})}
	p.running = append(p.running, h)
	go func() {
		defer close(h.done)
		if err := svc.Run(context.WithoutCancel(ctx)); err != nil {
			p.failure <- fmt.Errorf("%s: %w", name, err)
		}
	}()
}

func (p *inProcess) instances() []Instance {
	var all []Instance
	for _, h := range p.running {
		all = append(all, Instance{
			Service: h.name, Instance: h.svc.Instance(), Address: h.svc.OpsAddr(), Private: h.svc.PrivateAddr(), PID: os.Getpid(),
		})
	}
	return all
}

func (p *inProcess) failed() <-chan error { return p.failure }

func (p *inProcess) stop(ctx context.Context) error {
	p.deaf()
	var errs []error
	for len(p.running) > 0 {
		last := p.running[len(p.running)-1]
		p.running = p.running[:len(p.running)-1]
		errs = append(errs, last.svc.Stop(ctx))
		<-last.done
	}
	return errors.Join(errs...)
}
