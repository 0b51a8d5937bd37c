package mtls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Reasons for which a peer is refused, as the metric has them.
const (
	missing   = "missing" // it showed no certificate
	untrusted = "untrusted"
	expired   = "expired" // or not valid yet
	usage     = "usage"   // not for this end of a connection
	identity  = "identity"
)

// refusal is why a peer's certificate is not taken.
type refusal struct {
	reason string
	err    error
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

func refuse(reason, text string, args ...any) error {
	return &refusal{reason, fmt.Errorf(text, args...)}
}

func reasonOf(err error) string {
	var r *refusal
	if errors.As(err, &r) {
		return r.reason
	}
	return untrusted
}

// inspect looks at what the other end has shown. service is whom it must speak for; "" takes anybody who has a name.
func (m *material) inspect(state tls.ConnectionState, side x509.ExtKeyUsage, service string) error {
	if len(state.PeerCertificates) == 0 {
		return refuse(missing, "the peer showed no certificate")
	}
	leaf := state.PeerCertificates[0]
	var raw [][]byte
	for _, c := range state.PeerCertificates {
		raw = append(raw, c.Raw)
	}
	if err := verify(raw, m.roots, side, time.Now()); err != nil {
		return err
	}
	names := Names(leaf)
	switch {
	case len(names) == 0:
		return refuse(identity, "the peer's certificate names no service")
	case foreignDomain(m.leaf(), leaf):
		return refuse(identity, "the peer %s is of another trust domain", leaf.URIs[0])
	case service != "" && !slices.Contains(names, service):
		return refuse(identity, "the peer is %q and not %s", names, service)
	}
	return nil
}

// verify proves a chain, the leaf first, for one end of a connection. No host name is asked for: who it speaks for is
// the caller's question.
func verify(chain [][]byte, roots *x509.CertPool, side x509.ExtKeyUsage, now time.Time) error {
	between := x509.NewCertPool()
	var leaf *x509.Certificate
	for i, raw := range chain {
		c, err := x509.ParseCertificate(raw)
		switch {
		case err != nil:
			return refuse(untrusted, "read a certificate: %w", err)
		case i == 0:
			leaf = c
		default:
			between.AddCert(c)
		}
	}
	if leaf == nil {
		return refuse(missing, "there is no certificate")
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{side}})
	var invalid x509.CertificateInvalidError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return refuse(expired, "%w", err)
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return refuse(usage, "%w", err)
	default:
		return refuse(untrusted, "%w", err)
	}
}
