package peers

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Parse reads SIGNALBOX_PEERS: "name=http-addr/grpc-addr[|http-addr/grpc-addr…],…". Either address of a
// pair may be left out ("catalogs=/10.0.0.1:5001"); a name comes once. Empty text is no peers.
func Parse(text string) (map[string]Peer, error) {
	out := map[string]Peer{}
	for _, entry := range strings.Split(text, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		name, addrs, ok := strings.Cut(entry, "=")
		if !ok || !validName(name) {
			return nil, fmt.Errorf("peer %.80q: name=http-addr/grpc-addr is expected", entry)
		}
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("peer %q comes twice; write its replicas as a/b|c/d", name)
		}
		p, err := parsePeer(addrs)
		if err != nil {
			return nil, fmt.Errorf("peer %q: %w", name, err)
		}
		out[name] = p
	}
	return out, nil
}

func parsePeer(text string) (Peer, error) {
	var p Peer
	for _, pair := range strings.Split(text, "|") {
		public, private, _ := strings.Cut(pair, "/")
		if public == "" && private == "" {
			return Peer{}, fmt.Errorf("it has no address")
		}
		for _, a := range []string{public, private} {
			if err := checkAddr(a); err != nil {
				return Peer{}, err
			}
		}
		if public != "" {
			p.HTTP = append(p.HTTP, public)
		}
		if private != "" {
			p.RPC = append(p.RPC, private)
		}
	}
	return p, nil
}

func checkAddr(a string) error {
	if a == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(a)
	if err != nil || host == "" || strings.ContainsAny(host, " \t=@") {
		return fmt.Errorf("address %.80q: host:port is expected", a)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("address %.80q: the port must be between 1 and 65535", a)
	}
	return nil
}

// validName is a DNS label, which the name is when it is not listed.
func validName(name string) bool {
	if name == "" || len(name) > 63 || name[0] == '-' || name[len(name)-1] == '-' {
		return false
	}
	for _, c := range name {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

// Format is the text that Parse reads, for handing the peers to a child process.
func Format(all map[string]Peer) string {
	entries := make([]string, 0, len(all))
	for _, name := range sortedNames(all) {
		entries = append(entries, name+"="+formatPeer(all[name]))
	}
	return strings.Join(entries, ",")
}

func formatPeer(p Peer) string {
	pairs := make([]string, max(len(p.HTTP), len(p.RPC)))
	for i := range pairs {
		if i < len(p.HTTP) {
			pairs[i] = p.HTTP[i]
		}
		pairs[i] += "/"
		if i < len(p.RPC) {
			pairs[i] += p.RPC[i]
		}
	}
	return strings.Join(pairs, "|")
}
