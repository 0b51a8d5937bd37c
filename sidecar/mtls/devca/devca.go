// Package devca makes certificates for trying out and for tests: a CA that lives as long as the program that made it,
// and what it has signed.
package devca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/mtls"
)

// lifetime of what is made. What it is for is started again long before.
const lifetime = 365 * 24 * time.Hour

// CA signs certificates. Its key is in memory alone. Safe for concurrent use.
type CA struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	text []byte
}

// New makes a CA.
func New() (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate the key of a CA: %w", err)
	}
	t, err := template("signalbox development CA", time.Now().Add(lifetime))
	if err != nil {
		return nil, err
	}
	t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign a CA: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read a CA: %w", err)
	}
	return &CA{key: key, cert: cert, text: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}, nil
}

// PEM is the CA's certificate.
func (c *CA) PEM() []byte { return c.text }

// Leaf says what a certificate is to say.
type Leaf struct {
	SPIFFE  string             // spiffe://dev/catalogs; "": no id
	DNS     []string           // names besides
	Expires time.Time          // zero: in a year
	Usage   []x509.ExtKeyUsage // nil: both ends of a connection
}

// Issue signs a certificate with a key of its own, both in PEM.
func (c *CA) Issue(l Leaf) (cert, key []byte, err error) {
	if l.Expires.IsZero() {
		l.Expires = time.Now().Add(lifetime)
	}
	t, err := template("signalbox", l.Expires)
	if err != nil {
		return nil, nil, err
	}
	if l.SPIFFE != "" {
		id, err := url.Parse(l.SPIFFE)
		if err != nil {
			return nil, nil, fmt.Errorf("SPIFFE id: %w", err)
		}
		t.URIs = []*url.URL{id}
	}
	t.DNSNames, t.KeyUsage, t.ExtKeyUsage = l.DNS, x509.KeyUsageDigitalSignature, l.Usage
	if l.Usage == nil {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	return c.sign(t)
}

func (c *CA) sign(t *x509.Certificate) (cert, key []byte, err error) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("generate the key of a certificate: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, t, c.cert, own.Public(), c.key)
	if err != nil {
		return nil, nil, fmt.Errorf("sign a certificate: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		return nil, nil, fmt.Errorf("encode the key of a certificate: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), nil
}

// Files are where WriteTo puts what is a service's, whether they are there or not.
func Files(dir, service string) mtls.Files {
	return mtls.Files{Cert: filepath.Join(dir, service+".pem"), Key: filepath.Join(dir, service+"-key.pem"), CA: filepath.Join(dir, "ca.pem")}
}

// WriteTo issues a certificate and writes it, its key and the CA's certificate into a folder that is there (0600). Each
// file is replaced whole.
func (c *CA) WriteTo(dir, service string, l Leaf) (mtls.Files, error) {
	f := Files(dir, service)
	cert, key, err := c.Issue(l)
	if err != nil {
		return f, err
	}
	return f, errors.Join(write(f.CA, c.text), write(f.Key, key), write(f.Cert, cert))
}

// Service is the usual leaf of a service in the trust domain dev.
func Service(name string) Leaf { return Leaf{SPIFFE: "spiffe://dev/" + name, DNS: []string{name}} }

func write(path string, text []byte) error {
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(path+".new", path)
}

func template(name string, expires time.Time) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("draw a serial number: %w", err)
	}
	began := time.Now().Add(-time.Minute) // for clocks that are a little behind
	if expires.Before(began) {
		began = expires.Add(-time.Hour)
	}
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: began, NotAfter: expires}, nil
}
