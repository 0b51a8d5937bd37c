package mtls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

const maxFile = 1 << 20

// Files are where the certificates lie. All of them or none.
type Files struct {
	Cert, Key, CA string
}

// None reports whether there are no files: everything is plain then.
func (f Files) None() bool { return f == Files{} }

// Missing is the setting (TLS_KEY_FILE) that is not set while others are; "" when all are, or none is.
func (f Files) Missing() string {
	if f.None() {
		return ""
	}
	for i, path := range []string{f.Cert, f.Key, f.CA} {
		if path == "" {
			return []string{"TLS_CERT_FILE", "TLS_KEY_FILE", "TLS_CA_FILE"}[i]
		}
	}
	return ""
}

// FileError says which setting names a file that cannot be right.
type FileError struct {
	Setting string // TLS_KEY_FILE
	Path    string
	Problem string
}

func (e *FileError) Error() string { return e.Path + " " + e.Problem }

// material is one version of the three files, read and found to fit.
type material struct {
	own   tls.Certificate // its Leaf is set
	roots *x509.CertPool
}

// load reads the files of a service and proves that its peers would believe them, but for the time: what has expired is
// still right.
func load(f Files, service string) (*material, error) {
	cert, err := read("TLS_CERT_FILE", f.Cert)
	if err != nil {
		return nil, err
	}
	key, err := readKey(f.Key)
	if err != nil {
		return nil, err
	}
	ca, err := read("TLS_CA_FILE", f.CA)
	if err != nil {
		return nil, err
	}
	m := &material{roots: x509.NewCertPool()}
	if !m.roots.AppendCertsFromPEM(ca) {
		return nil, &FileError{"TLS_CA_FILE", f.CA, "holds no certificate in PEM"}
	}
	if m.own, err = tls.X509KeyPair(cert, key); err != nil {
		return nil, pairError(f, cert, err)
	}
	return m, m.check(f, service)
}

// pairError tells what is wrong with one file from two that do not belong together. Its text holds nothing of the key.
func pairError(f Files, cert []byte, err error) error {
	text := strings.TrimPrefix(err.Error(), "tls: ")
	switch {
	case strings.Contains(text, "private key does not match") || strings.Contains(text, "private key type does not match"):
		return &FileError{"TLS_KEY_FILE", f.Key, "is not the key of the certificate in " + f.Cert}
	case strings.Contains(text, "certificate"), !strings.Contains(string(cert), "CERTIFICATE"):
		return &FileError{"TLS_CERT_FILE", f.Cert, "holds no certificate that can be read (PEM)"}
	default:
		return &FileError{"TLS_KEY_FILE", f.Key, "holds no private key that can be read (PEM)"}
	}
}

func (m *material) check(f Files, service string) error {
	leaf := m.own.Leaf
	if names := Names(leaf); !slices.Contains(names, service) {
		return &FileError{"TLS_CERT_FILE", f.Cert, fmt.Sprintf("is a certificate of %q and not of %s: it needs the SPIFFE id spiffe://<trust domain>/…/%s, or the DNS name %s",
			names, service, service, service)}
	}
	for _, side := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		err := verify(m.own.Certificate, m.roots, side, leaf.NotBefore.Add(time.Second))
		switch {
		case err == nil || reasonOf(err) == expired: // of the whole chain at once, nothing is said
		case reasonOf(err) == usage:
			return &FileError{"TLS_CERT_FILE", f.Cert, "may not be used at both ends of a connection: it needs the extended key usages serverAuth and clientAuth, or none"}
		default:
			return &FileError{"TLS_CERT_FILE", f.Cert, "is not by a CA of " + f.CA + ": " + err.Error()}
		}
	}
	return nil
}

func (m *material) leaf() *x509.Certificate { return m.own.Leaf }

func read(setting, path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxFile {
		return nil, &FileError{setting, path, "is larger than 1 MiB"}
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, &FileError{setting, path, "cannot be read: " + plain(err)}
	}
	return text, nil
}

// readKey refuses a key that the whole machine may read. A group may: a pod's volume is read by one.
func readKey(path string) ([]byte, error) {
	text, err := read("TLS_KEY_FILE", path)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o007 != 0 {
		return nil, &FileError{"TLS_KEY_FILE", path, fmt.Sprintf("may be read by everybody (mode %04o); chmod 600 it", info.Mode().Perm())}
	}
	return text, nil
}

// plain is the cause without the path, which the sentence has already.
func plain(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
