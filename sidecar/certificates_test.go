package sidecar_test

import (
	"os"
	"strings"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/mtls/devca"
)

// TestCertificatesThatCannotBeRight: one sentence that names the variable, and exit 2.
func TestCertificatesThatCannotBeRight(t *testing.T) {
	t.Parallel()
	ca, dir := newCA(t), t.TempDir()
	own, err := ca.WriteTo(dir, "orders", devca.Service("orders"))
	check(t, err)
	other, err := ca.WriteTo(dir, "billing", devca.Service("billing"))
	check(t, err)
	for name, test := range map[string]struct{ cert, key, ca, variable, says string }{
		"no key":          {own.Cert, "", own.CA, "SIGNALBOX_ORDERS_TLS_KEY_FILE", "is not set"},
		"another's":       {other.Cert, other.Key, own.CA, "SIGNALBOX_ORDERS_TLS_CERT_FILE", "not of orders"},
		"not there":       {own.Cert, dir + "/none.pem", own.CA, "SIGNALBOX_ORDERS_TLS_KEY_FILE", "no such file"},
		"a key for a CA":  {own.Cert, own.Key, own.Key, "SIGNALBOX_ORDERS_TLS_CA_FILE", "no certificate"},
		"another's key":   {own.Cert, other.Key, own.CA, "SIGNALBOX_ORDERS_TLS_KEY_FILE", "is not the key"},
		"only a CA":       {"", "", own.CA, "SIGNALBOX_ORDERS_TLS_CERT_FILE", "is not set"},
		"only a key file": {"", own.Key, "", "SIGNALBOX_ORDERS_TLS_CERT_FILE", "is not set"},
	} {
		c := config(t)
		c.TLSCert, c.TLSKey, c.TLSCA = test.cert, test.key, test.ca
		_, err := sidecar.New(t.Context(), c, sidecar.Settings{Service: "orders"})
		if err == nil || sidecar.ExitCode(err) != 2 || !strings.Contains(err.Error(), test.variable) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want exit 2 and %s to say %q", name, err, test.variable, test.says)
		}
	}
}

// TestABrokenCertificateDegrades: the service goes on with the one before, and /hc says what is wrong until it is mended.
func TestABrokenCertificateDegrades(t *testing.T) {
	t.Parallel()
	files, err := newCA(t).WriteTo(t.TempDir(), "orders", devca.Service("orders"))
	check(t, err)
	c := config(t)
	c.TLSCert, c.TLSKey, c.TLSCA = files.Cert, files.Key, files.CA
	s := build(t, t.Context(), c, sidecar.Settings{})
	run(t, s)
	good, err := os.ReadFile(files.Cert)
	check(t, err)
	check(t, os.WriteFile(files.Cert, []byte("half a cert"), 0o600))
	says := func(words string) func() bool {
		return func() bool { return strings.Contains(get(t, "http://"+s.OpsAddr()+"/hc", 200), words) }
	}
	wait.For(t, limit, "/hc to be degraded", says("holds no certificate"))
	if hc := get(t, "http://"+s.OpsAddr()+"/hc", 200); !strings.Contains(hc, `"degraded"`) {
		t.Errorf("/hc: %s", hc)
	}
	metrics := get(t, "http://"+s.OpsAddr()+"/metrics", 200)
	for _, line := range []string{`signalbox_tls_reloads_total{outcome="broken"} 1`, "signalbox_tls_certificate_expiry_timestamp_seconds "} {
		if !strings.Contains(metrics, line) {
			t.Errorf("/metrics has no %s", line)
		}
	}
	check(t, os.WriteFile(files.Cert, good, 0o600))
	wait.For(t, limit, "/hc to be up", func() bool { return !says("holds no certificate")() })
}

func newCA(t *testing.T) *devca.CA {
	t.Helper()
	ca, err := devca.New()
	check(t, err)
	return ca
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
