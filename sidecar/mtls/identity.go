package mtls

import (
	"crypto/tls"
	"crypto/x509"
	"path"
	"slices"
)

const spiffe = "spiffe"

// Names are the services that a certificate may speak for: the one of its SPIFFE id, else its DNS names. The common
// name counts for nothing.
func Names(c *x509.Certificate) []string {
	if _, service, ok := spiffeID(c); ok {
		return []string{service}
	}
	if hasSPIFFE(c) {
		return nil // it has one that says nothing, or several: it is not asked any further
	}
	return c.DNSNames
}

// Speaks reports whether the other end of a connection showed a certificate of the service. The connection is one that a
// Store has looked at.
func Speaks(state tls.ConnectionState, service string) bool {
	return len(state.PeerCertificates) > 0 && service != "" && slices.Contains(Names(state.PeerCertificates[0]), service)
}

// spiffeID is the trust domain and the last word of the path. A certificate has one id at most (X509-SVID, section 2).
func spiffeID(c *x509.Certificate) (domain, service string, ok bool) {
	if len(c.URIs) != 1 || c.URIs[0].Scheme != spiffe {
		return "", "", false
	}
	id := c.URIs[0]
	service = path.Base(id.Path)
	return id.Host, service, id.Host != "" && service != "/" && service != "."
}

func hasSPIFFE(c *x509.Certificate) bool {
	for _, u := range c.URIs {
		if u.Scheme == spiffe {
			return true
		}
	}
	return false
}

// foreignDomain reports whether two certificates are of different trust domains. One without a SPIFFE id is of none.
func foreignDomain(own, peer *x509.Certificate) bool {
	mine, _, ok := spiffeID(own)
	theirs, _, also := spiffeID(peer)
	return ok && also && mine != theirs
}
