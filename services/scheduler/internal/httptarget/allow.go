package httptarget

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Variable is the setting that names the hosts.
const Variable = "SIGNALBOX_SCHEDULER_HTTP_TARGETS"

// Allowed are the hosts that requests may go to. A name, or "*.name" for all below it, without a port stands for the
// scheme's own. An address or a network stands for URLs that name an address in it, and lets names that are allowed
// resolve there where that is no public address; without a port it stands for all.
type Allowed struct {
	names    []name
	networks []network
}

type name struct {
	host string // lower case; a suffix with its dot where below
	port string // "": the scheme's
	all  bool   // what is below host
}

type network struct {
	netip.Prefix
	port string // "": any
}

// Parse reads the setting.
func Parse(entries []string) (Allowed, error) {
	var a Allowed
	for _, entry := range entries {
		entry = strings.ToLower(strings.TrimSpace(entry))
		if entry == "" {
			continue
		}
		if err := a.add(entry); err != nil {
			return Allowed{}, fmt.Errorf("%q: %w", entry, err)
		}
	}
	return a, nil
}

var errEntry = errors.New("want a host, *.host, an address or a network, and :port behind it where it is not the usual one")

func (a *Allowed) add(entry string) error {
	if prefix, err := netip.ParsePrefix(entry); err == nil {
		a.networks = append(a.networks, network{Prefix: prefix.Masked()})
		return nil
	}
	if addr, err := netip.ParseAddr(strings.Trim(entry, "[]")); err == nil {
		a.networks = append(a.networks, network{Prefix: single(addr)})
		return nil
	}
	host, port := entry, ""
	if h, p, err := net.SplitHostPort(entry); err == nil {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return errEntry
		}
		host, port = h, p
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		a.networks = append(a.networks, network{Prefix: single(addr), port: port})
		return nil
	}
	below, all := strings.CutPrefix(host, "*.")
	if !isHost(below) {
		return errEntry
	}
	if all {
		below = "." + below
	}
	a.names = append(a.names, name{host: below, port: port, all: all})
	return nil
}

func single(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap()
	return netip.PrefixFrom(addr, addr.BitLen())
}

// isHost: letters, digits and dashes between dots.
func isHost(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return len(s) <= 253
}

// None says that no target is allowed.
func (a Allowed) None() bool { return len(a.names)+len(a.networks) == 0 }

// URL says why a request may not go to raw; its error is for whoever wrote the schedule, with what mends it.
func (a Allowed) URL(raw string) error {
	if a.None() {
		return errors.New("no target http is allowed here; an operator names the hosts in " + Variable)
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("is no URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("must begin with https:// or http://")
	case u.User != nil:
		return errors.New("must not hold a user or a password; the request is signed")
	case u.Hostname() == "":
		return errors.New("names no host")
	}
	host, port := strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), u.Port()
	if port == "" {
		port = usualPort(u.Scheme)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if !a.address(addr, port) {
			return fmt.Errorf("%s is not among the addresses of %s", net.JoinHostPort(host, port), Variable)
		}
		return nil
	}
	if !slices.ContainsFunc(a.names, func(n name) bool { return n.matches(host, port, u.Scheme) }) {
		return fmt.Errorf("%s is not among the hosts of %s", net.JoinHostPort(host, port), Variable)
	}
	return nil
}

func usualPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

func (n name) matches(host, port, scheme string) bool {
	if n.port != port && (n.port != "" || port != usualPort(scheme)) {
		return false
	}
	if n.all {
		return strings.HasSuffix(host, n.host)
	}
	return host == n.host
}

// address says whether the setting names it, or a network it lies in.
func (a Allowed) address(addr netip.Addr, port string) bool {
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(a.networks, func(n network) bool { return n.Contains(addr) && (n.port == "" || n.port == port) })
}

// dial says why no connection may be made to address, which a name that is allowed has resolved to.
func (a Allowed) dial(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%s is no address", address)
	}
	if isPublic(at.Addr().Unmap()) || a.address(at.Addr(), strconv.Itoa(int(at.Port()))) {
		return nil
	}
	return fmt.Errorf("%s is no public address, and neither it nor its network is in %s", at.Addr(), Variable)
}

// isPublic leaves out whatever is routed within a machine, a network or a provider, and what can stand for such an address.
func isPublic(addr netip.Addr) bool {
	return addr.IsGlobalUnicast() && !addr.IsPrivate() && !slices.ContainsFunc(special(), func(p netip.Prefix) bool { return p.Contains(addr) })
}

// special networks of the registries of IANA that netip does not tell by itself.
func special() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
		netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
		netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
		netip.MustParsePrefix("::/96"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"),
		netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"),
		netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("3fff::/20"), netip.MustParsePrefix("5f00::/16"), netip.MustParsePrefix("fec0::/10"),
	}
}
