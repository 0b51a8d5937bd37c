package mtls_test

import (
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/mtls"
	"github.com/signalbox-mesh/signalbox/sidecar/mtls/devca"
)

// TestFilesThatCannotBeRight: each is one sentence that names the setting, and nothing of a key.
func TestFilesThatCannotBeRight(t *testing.T) {
	ca := newCA(t)
	for name, test := range map[string]struct {
		spoil   func(t *testing.T, f *mtls.Files)
		setting string
		says    string
	}{
		"no certificate":     {func(t *testing.T, f *mtls.Files) { check(t, os.Remove(f.Cert)) }, "TLS_CERT_FILE", "no such file"},
		"half a certificate": {func(t *testing.T, f *mtls.Files) { truncate(t, f.Cert) }, "TLS_CERT_FILE", "no certificate"},
		"half a key":         {func(t *testing.T, f *mtls.Files) { truncate(t, f.Key) }, "TLS_KEY_FILE", "no private key"},
		"another's key": {func(t *testing.T, f *mtls.Files) {
			_, key, err := ca.Issue(devca.Service("catalogs"))
			check(t, err)
			replace(t, f.Key, key)
		}, "TLS_KEY_FILE", "is not the key of"},
		"a key for everybody": {func(t *testing.T, f *mtls.Files) { check(t, os.Chmod(f.Key, 0o644)) }, "TLS_KEY_FILE", "chmod 600"},
		"no CA":               {func(t *testing.T, f *mtls.Files) { replace(t, f.CA, []byte("nothing")) }, "TLS_CA_FILE", "no certificate"},
		"another CA":          {func(t *testing.T, f *mtls.Files) { replace(t, f.CA, newCA(t).PEM()) }, "TLS_CERT_FILE", "is not by a CA"},
		"another service":     {func(t *testing.T, f *mtls.Files) { issue(t, ca, *f, devca.Service("billing")) }, "TLS_CERT_FILE", "not of catalogs"},
		"a DNS name beside another's id": {func(t *testing.T, f *mtls.Files) {
			issue(t, ca, *f, devca.Leaf{SPIFFE: "spiffe://dev/billing", DNS: []string{"catalogs"}})
		}, "TLS_CERT_FILE", "not of catalogs"},
		"for servers only": {func(t *testing.T, f *mtls.Files) {
			issue(t, ca, *f, devca.Leaf{DNS: []string{"catalogs"}, Usage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
		}, "TLS_CERT_FILE", "clientAuth"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := ca.WriteTo(t.TempDir(), "catalogs", devca.Service("catalogs"))
			check(t, err)
			key, err := os.ReadFile(f.Key)
			check(t, err)
			test.spoil(t, &f)
			_, err = mtls.Open(mtls.Settings{Service: "catalogs", Files: f})
			var wrong *mtls.FileError
			if !errors.As(err, &wrong) || wrong.Setting != test.setting || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("got %v (%+v), want %s to say %q", err, wrong, test.setting, test.says)
			}
			if secret := strings.Split(string(key), "\n")[1]; strings.Contains(err.Error(), secret) {
				t.Error("the key is in the error")
			}
		})
	}
}

func TestAllOfThemOrNone(t *testing.T) {
	for f, want := range map[mtls.Files]string{
		{}: "", {Cert: "a", Key: "b", CA: "c"}: "", {Key: "b", CA: "c"}: "TLS_CERT_FILE", {Cert: "a", CA: "c"}: "TLS_KEY_FILE", {Cert: "a", Key: "b"}: "TLS_CA_FILE",
	} {
		if got := f.Missing(); got != want {
			t.Errorf("%+v: %q is missing, want %q", f, got, want)
		}
	}
}

// TestBrokenFilesLeaveTheLastGood: calls go on, one line says why, the check and the metric do, and it mends itself.
func TestBrokenFilesLeaveTheLastGood(t *testing.T) {
	ca, w := newCA(t), newWorld(t, "catalogs", "view-service")
	server := newEnd(t, ca, "view-service", devca.Service("view-service"))
	caller := newEnd(t, ca, "catalogs", devca.Service("catalogs"))
	addr := w.serve(t, server)
	good, err := os.ReadFile(server.files.Cert)
	check(t, err)
	old := devca.Service("view-service")
	old.Expires = time.Now().Add(-time.Hour)
	for i, spoil := range []func(){
		func() { truncate(t, server.files.Cert) },
		func() { check(t, os.Remove(server.files.Key)) },
		func() { issue(t, ca, server.files, old) },
	} {
		spoil()
		wait.For(t, limit, "the check to fail", func() bool { return server.Err() != nil })
		cause := server.Err().Error()
		check(t, w.call("catalogs", caller, addr))
		if err := server.Err(); err == nil || err.Error() != cause {
			t.Errorf("then %v", err)
		}
		if n := server.log.with("stays in force"); n != i+1 {
			t.Errorf("%d lines after %d broken files", n, i+1)
		}
		issue(t, ca, server.files, devca.Service("view-service"))
		wait.For(t, limit, "the check to pass", func() bool { return server.Err() == nil })
		check(t, w.call("catalogs", caller, addr))
	}
	if now, err := os.ReadFile(server.files.Cert); err != nil || string(now) == string(good) {
		t.Errorf("nothing was rotated: %v", err)
	}
	if taken, broken := server.count(t, "signalbox_tls_reloads_total", "taken"), server.count(t, "signalbox_tls_reloads_total", "broken"); taken != 3 || broken != 3 {
		t.Errorf("%v taken and %v broken", taken, broken)
	}
	if n := server.count(t, "signalbox_tls_refused_total"); n != 0 {
		t.Errorf("%v refused", n)
	}
}

// TestWhatHasExpiredStartsAndSaysSo: a service is degraded by it, and starts.
func TestWhatHasExpiredStartsAndSaysSo(t *testing.T) {
	l := devca.Service("catalogs")
	l.Expires = time.Now().Add(-time.Minute)
	if err := newEnd(t, newCA(t), "catalogs", l).Err(); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("got %v", err)
	}
}

func truncate(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	check(t, err)
	replace(t, path, text[:len(text)/2])
}

// issue replaces the key and the certificate, one after the other, as an operator's tool does.
func issue(t *testing.T, ca *devca.CA, f mtls.Files, l devca.Leaf) {
	t.Helper()
	cert, key, err := ca.Issue(l)
	check(t, err)
	for path, text := range map[string][]byte{f.Key: key, f.Cert: cert} {
		check(t, os.MkdirAll(filepath.Dir(path), 0o700))
		replace(t, path, text)
	}
}
