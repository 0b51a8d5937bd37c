package gateway

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/signalbox-mesh/signalbox/services/gateway/internal/edge"
)

// pool holds the connections to services, one transport for each time that an answer's head may take:
// in net/http that is a transport's property. Made once, then only read.
type pool struct {
	byTimeout map[time.Duration]*http.Transport
	other     *http.Transport
}

func newPool() *pool {
	p := &pool{byTimeout: map[time.Duration]*http.Transport{}, other: newTransport(pageWait)}
	for _, r := range routes(nil, nil) {
		if p.byTimeout[r.Timeout] == nil {
			p.byTimeout[r.Timeout] = newTransport(r.Timeout)
		}
	}
	return p
}

func newTransport(head time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: 2 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, addr)
		},
		ResponseHeaderTimeout:  head,
		MaxIdleConns:           512,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        60 * time.Second, // shorter than a service keeps them
		ExpectContinueTimeout:  time.Second,
		DisableCompression:     true, // what the client and the service agreed on passes through
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// base is the transport of a request's row.
func (p *pool) base(r *http.Request) http.RoundTripper {
	if t := p.byTimeout[edge.Timeout(r.Context())]; t != nil {
		return t
	}
	return p.other
}

func (p *pool) close() {
	p.other.CloseIdleConnections()
	for _, t := range p.byTimeout {
		t.CloseIdleConnections()
	}
}
