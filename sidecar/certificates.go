package sidecar

import (
	"context"
	"errors"
	"fmt"

	"github.com/signalbox-mesh/signalbox/sidecar/health"
	"github.com/signalbox-mesh/signalbox/sidecar/mtls"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

// wireCertificates opens the certificates, where there are some. The check makes it degraded that a new one is not
// taken, and that the one in force has expired: connections that are open go on.
func (s *Sidecar) wireCertificates() error {
	files := mtls.Files{Cert: s.config.TLSCert, Key: s.config.TLSKey, CA: s.config.TLSCA}
	metrics := mtls.NewMetrics(s.registry)
	if files.None() {
		return nil
	}
	if missing := files.Missing(); missing != "" {
		return s.wrongSetting(missing, "is not set, but others of TLS_CERT_FILE, TLS_KEY_FILE and TLS_CA_FILE are; set all three, or none")
	}
	store, err := mtls.Open(mtls.Settings{Service: s.settings.Service, Files: files, Metrics: metrics, Logger: s.Logger("tls")})
	var wrong *mtls.FileError
	if errors.As(err, &wrong) {
		return s.wrongSetting(wrong.Setting, wrong.Error())
	}
	if err != nil {
		return fmt.Errorf("open the certificates: %w", err)
	}
	s.certificates = store
	s.health.Add(health.Check{Name: "certificates", Run: func(context.Context) error { return store.Err() }})
	return nil
}

func (s *Sidecar) wrongSetting(name, problem string) error {
	return &settings.Error{Variable: settings.Variable(s.settings.Service, name), Problem: problem}
}
