package mtls_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/mtls"
	"github.com/signalbox-mesh/signalbox/sidecar/mtls/devca"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
)

// TestWhoIsTaken: SPIFFE ids and DNS names, on both ends, agree with the token on the call.
func TestWhoIsTaken(t *testing.T) {
	ca, w := newCA(t), newWorld(t, "catalogs", "view-service")
	for name, l := range map[string]func(service string) devca.Leaf{
		"both":        devca.Service,
		"a SPIFFE id": func(s string) devca.Leaf { return devca.Leaf{SPIFFE: "spiffe://prod.example/ns/shop/sa/" + s} },
		"a DNS name":  func(s string) devca.Leaf { return devca.Leaf{DNS: []string{s + ".shop.svc", s}} },
	} {
		t.Run(name, func(t *testing.T) {
			server := newEnd(t, ca, "view-service", l("view-service"))
			if err := w.call("catalogs", newEnd(t, ca, "catalogs", l("catalogs")), w.serve(t, server)); err != nil {
				t.Error(err)
			}
			if n := server.count(t, "signalbox_tls_refused_total"); n != 0 {
				t.Errorf("%v refused", n)
			}
			if at := server.count(t, "signalbox_tls_certificate_expiry_timestamp_seconds"); at < float64(time.Now().Unix()) {
				t.Errorf("it expires at %v", at)
			}
		})
	}
}

// TestCallersThatAreRefused: whom view-service does not let in, and how it counts them.
func TestCallersThatAreRefused(t *testing.T) {
	ca, w := newCA(t), newWorld(t, "catalogs", "billing", "view-service")
	server := newEnd(t, ca, "view-service", devca.Service("view-service"))
	addr := w.serve(t, server)
	expired := devca.Service("catalogs")
	expired.Expires = time.Now().Add(-time.Minute)
	foreign := devca.Leaf{SPIFFE: "spiffe://staging/catalogs"}
	for name, test := range map[string]struct {
		token   string
		as      mesh.Certificates
		want    codes.Code
		counter string
		labels  []string
	}{
		"another CA":                     {"catalogs", half(t, newEnd(t, newCA(t), "catalogs", devca.Service("catalogs"))), codes.Unavailable, "signalbox_tls_refused_total", []string{"server", "untrusted"}},
		"expired":                        {"catalogs", newEnd(t, ca, "catalogs", expired), codes.Unavailable, "signalbox_tls_refused_total", []string{"server", "expired"}},
		"another trust domain":           {"catalogs", half(t, newEnd(t, ca, "catalogs", foreign)), codes.Unavailable, "signalbox_tls_refused_total", []string{"server", "identity"}},
		"no certificate":                 {"catalogs", bare{}, codes.Unavailable, "signalbox_tls_refused_total", []string{"server", "missing"}},
		"another service's certificate":  {"catalogs", newEnd(t, ca, "billing", devca.Service("billing")), codes.Unauthenticated, "signalbox_rpc_refused_total", []string{"certificate"}},
		"a service that may not call it": {"billing", newEnd(t, ca, "billing", devca.Service("billing")), codes.PermissionDenied, "signalbox_rpc_refused_total", []string{"caller"}},
	} {
		t.Run(name, func(t *testing.T) {
			before := server.count(t, test.counter, test.labels...)
			if err := w.call(test.token, test.as, addr); status.Code(err) != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
			wait.For(t, limit, "the refusal to be counted", func() bool { return server.count(t, test.counter, test.labels...) > before })
		})
	}
	if err := w.call("catalogs", nil, addr); status.Code(err) != codes.Unavailable {
		t.Errorf("without TLS: %v", err)
	}
	if err := w.call("catalogs", newEnd(t, ca, "catalogs", devca.Service("catalogs")), addr); err != nil {
		t.Errorf("who is right is refused afterwards: %v", err)
	}
}

// TestServersThatAreRefused: whom a caller does not believe to be view-service.
func TestServersThatAreRefused(t *testing.T) {
	ca, w := newCA(t), newWorld(t, "catalogs", "view-service")
	expired := devca.Service("view-service")
	expired.Expires = time.Now().Add(-time.Minute)
	for name, test := range map[string]struct {
		server end
		reason string
	}{
		"another CA":        {newEnd(t, newCA(t), "view-service", devca.Service("view-service")), "untrusted"},
		"expired":           {newEnd(t, ca, "view-service", expired), "expired"},
		"another service's": {newEnd(t, ca, "billing", devca.Service("billing")), "identity"},
	} {
		t.Run(name, func(t *testing.T) {
			caller := newEnd(t, ca, "catalogs", devca.Service("catalogs"))
			if err := w.call("catalogs", caller, w.serve(t, test.server)); status.Code(err) != codes.Unavailable {
				t.Errorf("got %v", err)
			}
			if n := caller.count(t, "signalbox_tls_refused_total", "client", test.reason); n == 0 {
				t.Error("it is not counted")
			}
		})
	}
}

// TestThePublicPortTakesEither: plain connections and those over TLS, on one port; a certificate that is shown must hold,
// none need be.
func TestThePublicPortTakesEither(t *testing.T) {
	ca := newCA(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	srv := &http.Server{ReadHeaderTimeout: limit, ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil {
			_, _ = w.Write([]byte("plain"))
			return
		}
		_, _ = w.Write([]byte("over TLS " + strings.Repeat("x", len(r.TLS.PeerCertificates))))
	})}
	both := newEnd(t, ca, "orders", devca.Service("orders")).Either(ln)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(both) }()
	silent, err := net.Dial("tcp", ln.Addr().String()) // and stays so: it holds nobody up
	check(t, err)
	defer silent.Close()
	ask := func(c mesh.Certificates) (string, error) {
		transport := &http.Transport{DisableKeepAlives: true}
		url := "http://"
		if c != nil {
			url = "https://"
			transport.TLSClientConfig, err = c.Client("orders")
			check(t, err)
		}
		resp, err := (&http.Client{Transport: transport}).Get(url + ln.Addr().String())
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		return string(text), err
	}
	for name, test := range map[string]struct {
		as   mesh.Certificates
		want string
	}{
		"a probe":       {nil, "plain"},
		"a browser":     {bare{}, "over TLS "},
		"a service":     {newEnd(t, ca, "catalogs", devca.Service("catalogs")), "over TLS x"},
		"by another CA": {half(t, newEnd(t, newCA(t), "catalogs", devca.Service("catalogs"))), ""},
	} {
		if answer, err := ask(test.as); answer != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s: %q, %v", name, answer, err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	check(t, srv.Shutdown(ctx))
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

// TestCallsByHTTP: the mesh's clients go over TLS to public ports, with their certificate, and to nobody else.
func TestCallsByHTTP(t *testing.T) {
	ca, w := newCA(t), newWorld(t, "catalogs")
	for name, test := range map[string]struct {
		server end
		ok     bool
	}{
		"the one that is meant": {newEnd(t, ca, "orders", devca.Service("orders")), true},
		"another":               {newEnd(t, ca, "billing", devca.Service("billing")), false},
	} {
		t.Run(name, func(t *testing.T) {
			caller := newEnd(t, ca, "catalogs", devca.Service("catalogs")) // its counts are of this call alone
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			check(t, err)
			srv := &http.Server{ReadHeaderTimeout: limit, ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.TLS == nil || !mtls.Speaks(*r.TLS, "catalogs") {
					w.WriteHeader(http.StatusTeapot)
				}
			})}
			both, done := test.server.Either(ln), make(chan error, 1)
			go func() { done <- srv.Serve(both) }()
			defer func() { _, _ = srv.Close(), <-done }()
			m := mesh.New(mesh.Settings{Service: "catalogs", Signer: w.signers["catalogs"], Certificates: caller, Peers: peers.Static{"orders": {HTTP: []string{ln.Addr().String()}}}})
			defer m.Close()
			resp, err := m.HTTP("orders").Get("http://orders/")
			if err == nil {
				defer resp.Body.Close()
			}
			if (err == nil && resp.StatusCode == http.StatusOK) != test.ok {
				t.Errorf("%v, %v", resp, err)
			}
			if n := caller.count(t, "signalbox_tls_refused_total", "client", "identity"); (n == 0) != test.ok {
				t.Errorf("%v refused", n)
			}
		})
	}
}

// bare shows no certificate and believes everybody.
type bare struct{}

func (bare) Server() *tls.Config { return nil }

func (bare) Client(service string) (*tls.Config, error) {
	return &tls.Config{ServerName: service, InsecureSkipVerify: true}, nil
}

// trusting shows its certificate and believes everybody, so that it is the other end that refuses.
type trusting struct{ end }

func half(t *testing.T, e end) mesh.Certificates {
	t.Helper()
	return trusting{e}
}

func (c trusting) Client(service string) (*tls.Config, error) {
	config, err := c.end.Client(service)
	if err == nil {
		config.VerifyConnection = nil
		config.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error { return nil }
	}
	return config, err
}
