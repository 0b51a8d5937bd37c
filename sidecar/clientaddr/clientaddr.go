// Package clientaddr finds who really sent a request. A forwarding header counts only as far as
// every hop that wrote it is a trusted proxy: it is read from its end, and the first address that
// is not trusted is the client.
package clientaddr

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Policy says whose forwarding headers are believed. The zero Policy believes nobody.
type Policy struct{ trusted []netip.Prefix }

// Private is what a service behind the gateway trusts: loopback, link-local, private and carrier-grade NAT networks.
func Private() []string {
	return []string{"127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fe80::/10"}
}

// NewPolicy reads CIDR prefixes or single addresses.
func NewPolicy(trusted []string) (Policy, error) {
	var p Policy
	for _, text := range trusted {
		prefix, err := parsePrefix(strings.TrimSpace(text))
		if err != nil {
			return Policy{}, fmt.Errorf("trusted proxy %q: want an address or a prefix such as 10.0.0.0/8", text)
		}
		p.trusted = append(p.trusted, prefix)
	}
	return p, nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		p, err := netip.ParsePrefix(text)
		return p.Masked(), err
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// Trusts reports whether an address is a trusted proxy's.
func (p Policy) Trusts(a netip.Addr) bool {
	a = a.Unmap()
	return slices.ContainsFunc(p.trusted, func(t netip.Prefix) bool { return t.Contains(a) })
}

// Of returns the client's address, given the connection's other end ("host:port") and the values of
// X-Forwarded-For in their order. The zero Addr where remote is not an address.
func (p Policy) Of(remote string, forwarded []string) netip.Addr {
	client := parseHop(remote)
	if !p.Trusts(client) {
		return client
	}
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for _, text := range slices.Backward(hops) {
		hop := parseHop(strings.TrimSpace(text))
		if !hop.IsValid() {
			return client // what stands before an unreadable hop is anybody's word
		}
		client = hop
		if !p.Trusts(hop) {
			return client
		}
	}
	return client
}

// parseHop reads "addr", "addr:port" or "[addr]:port"; zones are dropped.
func parseHop(text string) netip.Addr {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}
