package e2e

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// TestMTLS: with certificates a request passes the gateway to its service and back, each service's lines arrive, changes reach it,
// and nobody of the mesh is refused; whoever shows no certificate is, and it is counted.
func TestMTLS(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"one process":    {"--mtls", "--bus", "inproc"},
		"a process each": {"--mtls", "--split", "--bus", "rabbitmq"},
	} {
		t.Run(name, func(t *testing.T) {
			m := start(t, newState(t), nil, args...)
			m.throughCertificates(t)
			down(t, m, os.Interrupt)
		})
	}
}

func (m *mesh) throughCertificates(t *testing.T) {
	t.Helper()
	all := m.ps(t)
	m.newType(t, "sealed")
	m.must(t, http.StatusCreated, http.MethodPost, recordsPath("sealed"), `{"data":{"n":1}}`)
	if _, ids := m.list(t, "sealed", "limit=10"); len(ids) != 1 {
		t.Errorf("records: %v", ids)
	}
	for _, r := range all {
		m.awaitLines(t, `service:`+r.Service+` "service is ready"`) // by the private port of view-service
		if path := known[r.Service]; path != "" {
			m.must(t, http.StatusOK, http.MethodGet, path, nil)
		}
	}
	m.tool(t, "level", "set", "catalogs", "debug", "--ttl", "5m", "--reason", "mutual TLS")
	at := m.trace(t, "catalogs")
	m.awaitLines(t, "trace:"+at+" service:gateway")
	m.awaitLines(t, "trace:"+at+" service:catalogs level:debug")
	wait.For(t, limit, "every instance to be up", func() bool {
		return !slices.ContainsFunc(m.ps(t), func(r row) bool { return !r.well(t) })
	})
	for _, r := range all {
		if n := m.tlsRefused(t, r, ""); n != 0 {
			t.Errorf("%s has refused %v connections of the mesh's own", r.Instance, n)
		}
	}
	for _, r := range all {
		if said := stranger(t, r.Private, r.Service); !strings.Contains(said.Error(), "bad certificate") && !strings.Contains(said.Error(), "certificate required") {
			t.Errorf("%s to one without a certificate: %v", r.Instance, said)
		}
		wait.For(t, limit, "the refusal to be counted", func() bool { return m.tlsRefused(t, r, `reason="missing",side="server"`) == 1 })
	}
}

// tlsRefused is how many connections an instance has refused, with these labels.
func (m *mesh) tlsRefused(t *testing.T, r row, labels string) (n float64) {
	t.Helper()
	a := request(t.Context(), http.MethodGet, "http://"+r.Address+"/metrics", "", nil)
	if a.status != http.StatusOK || !strings.Contains(string(a.body), "signalbox_tls_certificate_expiry_timestamp_seconds ") {
		t.Fatalf("%s has no certificates: %d", r.Instance, a.status)
	}
	for text := range strings.Lines(string(a.body)) {
		if strings.HasPrefix(text, "signalbox_tls_refused_total{") && strings.Contains(text, labels) {
			v, err := strconv.ParseFloat(strings.TrimSpace(text[strings.LastIndexByte(text, ' '):]), 64)
			if err != nil {
				t.Fatal(err)
			}
			n += v
		}
	}
	return n
}

// stranger connects to a private port by TLS, sees that it is the service's, shows no certificate, and returns what it is told.
func stranger(t *testing.T, address, service string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS13}} //nolint:gosec // it looks at the certificate itself
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		t.Fatalf("%s speaks no TLS: %v", service, err)
	}
	defer c.Close()
	with, _ := c.(*tls.Conn)
	shown := with.ConnectionState().PeerCertificates
	if len(shown) == 0 || len(shown[0].URIs) != 1 || !strings.HasSuffix(shown[0].URIs[0].Path, "/"+service) {
		t.Fatalf("%s shows another's certificate", service)
	}
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	if _, err = c.Read(make([]byte, 1)); err == nil {
		_, err = c.Read(make([]byte, 64))
	}
	if err == nil {
		return errors.New("nothing: it is let in")
	}
	return err
}
