package mtls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookEvery is how long a look at the files is good for.
const lookEvery = time.Second

// Settings of a Store.
type Settings struct {
	Service string // whose certificate it is
	Files   Files
	Metrics *Metrics     // nil: none are seen
	Logger  *slog.Logger // nil: silent
}

// Store is a service's certificate and whom it believes, as its files have them. Safe for concurrent use.
type Store struct {
	settings Settings

	mu      sync.Mutex
	now     *material
	seen    [3]stamp
	checked time.Time
	err     error // why the files' present version is not in force
}

// stamp tells one version of a file from another.
type stamp struct {
	modified time.Time
	size     int64
}

// Open reads the files, all of which must be named. An error is a *FileError. A certificate that has expired is taken:
// a service that does not start because of it cannot be told from one that is broken.
func Open(s Settings) (*Store, error) {
	if s.Metrics == nil {
		s.Metrics = NewMetrics(nil)
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	st := &Store{settings: s, checked: time.Now()}
	st.seen = st.stamps()
	var err error
	if st.now, err = load(s.Files, s.Service); err != nil {
		return nil, err
	}
	s.Metrics.hold(st.now.leaf())
	return st, nil
}

// Err is nil when the files' present version is in force and its certificate holds at this moment. It looks at the
// files, so that a rotation is seen where nobody connects.
func (s *Store) Err() error {
	m, err := s.present()
	now := time.Now()
	switch {
	case err != nil:
		return err
	case now.After(m.leaf().NotAfter):
		return fmt.Errorf("the certificate in %s has expired at %s", s.settings.Files.Cert, m.leaf().NotAfter.UTC().Format(time.RFC3339))
	case now.Before(m.leaf().NotBefore):
		return fmt.Errorf("the certificate in %s is not valid before %s", s.settings.Files.Cert, m.leaf().NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}

// present is what is in force, and why the files' last version is not.
func (s *Store) present() (*material, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.checked) >= lookEvery {
		s.look()
	}
	return s.now, s.err
}

// look follows the files. Called with mu held.
func (s *Store) look() {
	s.checked = time.Now()
	found := s.stamps()
	if found == s.seen && s.err == nil {
		return
	}
	next, err := load(s.settings.Files, s.settings.Service)
	if err == nil {
		err = s.worse(next)
	}
	if err != nil {
		s.broken(err)
		return
	}
	s.seen = found // before they were read: what is written meanwhile is seen by the next look
	s.take(next)
}

func (s *Store) take(next *material) {
	mended := s.err != nil
	s.now, s.err = next, nil
	s.settings.Metrics.reloaded(true)
	s.settings.Metrics.hold(next.leaf())
	s.settings.Logger.Info("the certificate was read anew", slog.Time("expires_at", next.leaf().NotAfter), slog.Bool("mended", mended))
}

// broken keeps what is in force. A file that stays broken is one line.
func (s *Store) broken(err error) {
	if s.err != nil && s.err.Error() == err.Error() {
		return
	}
	s.err = err
	s.settings.Metrics.reloaded(false)
	s.settings.Logger.Error("the new certificate is not taken; the one before stays in force", slog.Any("err", err),
		slog.Time("expires_at", s.now.leaf().NotAfter))
}

// worse refuses a certificate that has expired for one that has not.
func (s *Store) worse(next *material) error {
	if now := time.Now(); now.After(next.leaf().NotAfter) && now.Before(s.now.leaf().NotAfter) {
		return &FileError{"TLS_CERT_FILE", s.settings.Files.Cert, "has expired at " + next.leaf().NotAfter.UTC().Format(time.RFC3339)}
	}
	return nil
}

func (s *Store) stamps() (all [3]stamp) {
	for i, path := range []string{s.settings.Files.Cert, s.settings.Files.Key, s.settings.Files.CA} {
		info, err := os.Stat(path)
		if err == nil {
			all[i] = stampOf(info)
		} else if !errors.Is(err, fs.ErrNotExist) {
			all[i].size = -1
		}
	}
	return all
}

func stampOf(info fs.FileInfo) stamp { return stamp{modified: info.ModTime(), size: info.Size()} }

// Server is for the private port: who connects shows a certificate of a service.
func (s *Store) Server() *tls.Config {
	return s.serving([]string{"h2"}, func(m *material, state tls.ConnectionState) error {
		return m.inspect(state, x509.ExtKeyUsageClientAuth, "")
	})
}

// Public is for a port that others than services come to: a certificate is asked for, and one that is shown must hold.
func (s *Store) Public() *tls.Config {
	return s.serving([]string{"http/1.1"}, func(m *material, state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return nil
		}
		return m.inspect(state, x509.ExtKeyUsageClientAuth, "")
	})
}

// serving asks for a certificate and leaves the look at it to inspect, in which every refusal is counted: crypto/tls
// tells nobody of those that it makes itself.
func (s *Store) serving(protocols []string, inspect func(*material, tls.ConnectionState) error) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			m, _ := s.present() // that the files are broken is the health check's to say
			return &tls.Config{
				MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{m.own}, NextProtos: protocols,
				ClientAuth: tls.RequestClientCert, ClientCAs: m.roots, SessionTicketsDisabled: true,
				VerifyConnection: func(state tls.ConnectionState) error { return s.judged("server", inspect(m, state)) },
			}, nil
		},
	}
}

// Client is for connections to a service: it must show that service's certificate. The configuration follows the files;
// it is made once for a connection that lasts.
func (s *Store) Client(service string) (*tls.Config, error) {
	if service == "" {
		return nil, errors.New("certificates for calls to no service")
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ServerName: service,
		// The chain and the service's name are verified in VerifyConnection, which is called for every connection: the
		// package's own way knows host names only, and an identity may be a SPIFFE id alone.
		InsecureSkipVerify: true, //nolint:gosec // see above
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			m, _ := s.present()
			return &m.own, nil
		},
		VerifyConnection: func(state tls.ConnectionState) error {
			m, _ := s.present()
			return s.judged("client", m.inspect(state, x509.ExtKeyUsageServerAuth, service))
		},
	}, nil
}

// judged counts a refusal.
func (s *Store) judged(side string, err error) error {
	if err != nil {
		s.settings.Metrics.refused(side, reasonOf(err))
		s.settings.Logger.Debug("a peer's certificate was refused", slog.String("side", side), slog.Any("err", err))
	}
	return err
}
