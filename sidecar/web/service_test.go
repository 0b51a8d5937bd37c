package web_test

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

// mesh signs as its services; the API of newRig is things.
func mesh(t *testing.T, services ...string) (*servicetoken.Bundle, map[string]*servicetoken.Signer) {
	t.Helper()
	keys, signers := servicetoken.Keys{}, map[string]*servicetoken.Signer{}
	for _, s := range services {
		key, err := servicetoken.GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		if signers[s], err = servicetoken.NewSigner(s, key); err != nil {
			t.Fatal(err)
		}
		public, _ := key.Public().(ed25519.PublicKey)
		keys[s] = append(keys[s], public)
	}
	return servicetoken.NewBundle(keys), signers
}

// TestWhichServicesMayCall: by the service token, and where a service acts for a user, by his token too.
func TestWhichServicesMayCall(t *testing.T) {
	t.Parallel()
	bundle, signers := mesh(t, "workflow", "billing", "gateway", "things")
	_, strangers := mesh(t, "workflow")
	r := newRig(t, func(s *web.Settings) { s.Bundle = bundle })
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := access.From(r.Context())
		_, _ = w.Write([]byte(access.Caller(r.Context()) + "/" + p.Subject))
	})
	r.Handle("GET /one", access.Services("workflow", "scheduler"), echo)
	r.Handle("GET /any", access.AnyService(), echo)
	r.Handle("GET /acting", access.Services("workflow").For(access.Has(access.Admin)), echo)
	r.Handle("GET /people", access.SignedIn(), echo)
	token := func(from map[string]*servicetoken.Signer, service, audience string) string {
		text, err := from[service].Token(audience)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	workflow := token(signers, "workflow", "things")
	for name, test := range map[string]struct {
		path    string
		service []string // the header's values
		user    string
		status  int
		says    string
	}{
		"who is named":                    {"/one", []string{workflow}, "", 200, "workflow/"},
		"with a user, who is shown":       {"/one", []string{workflow}, "bob", 200, "workflow/u-bob"},
		"with a user whose token is bad":  {"/one", []string{workflow}, "eve", 401, "expired"},
		"another service":                 {"/one", []string{token(signers, "billing", "things")}, "", 403, "may not be called by billing"},
		"nobody":                          {"/one", nil, "", 401, "Signalbox-Token"},
		"an administrator":                {"/one", nil, "ann", 401, "Signalbox-Token"},
		"two tokens":                      {"/one", []string{workflow, workflow}, "", 401, "Signalbox-Token"},
		"a token for another":             {"/one", []string{token(signers, "workflow", "catalogs")}, "", 401, "refused"},
		"a key that nobody trusts":        {"/one", []string{token(strangers, "workflow", "things")}, "", 401, "refused"},
		"no token at all":                 {"/one", []string{"x"}, "", 401, "refused"},
		"any service":                     {"/any", []string{token(signers, "billing", "things")}, "", 200, "billing/"},
		"the gateway is the outside":      {"/any", []string{token(signers, "gateway", "things")}, "ann", 403, "may not be called by gateway"},
		"acting for one who may":          {"/acting", []string{workflow}, "ann", 200, "workflow/u-ann"},
		"acting for one who may not":      {"/acting", []string{workflow}, "bob", 403, "role:admin"},
		"acting for nobody":               {"/acting", []string{workflow}, "", 401, "user token"},
		"a user alone":                    {"/acting", nil, "ann", 401, "Signalbox-Token"},
		"on a route for people, unlooked": {"/people", []string{"x"}, "bob", 200, "/u-bob"},
	} {
		req := httptest.NewRequest(http.MethodGet, test.path, nil)
		for _, v := range test.service {
			req.Header.Add(hop.Token, v)
		}
		if test.user != "" {
			req.Header.Set("Authorization", "Bearer "+test.user)
		}
		w := httptest.NewRecorder()
		r.Handler().ServeHTTP(w, req)
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.says) {
			t.Errorf("%s: %d %s, want %d and %q", name, w.Code, w.Body, test.status, test.says)
		}
	}
	want := `# HELP signalbox_http_refused_total Requests to routes for services that were refused, by what was wrong: token, certificate (of another service than the token) or caller
# TYPE signalbox_http_refused_total counter
signalbox_http_refused_total{reason="caller"} 2
signalbox_http_refused_total{reason="token"} 7
`
	if err := testutil.GatherAndCompare(r.registry, strings.NewReader(want), "signalbox_http_refused_total"); err != nil {
		t.Error(err)
	}
}

// TestTheCertificateIsTheTokens: over TLS with a certificate, both are one service's.
func TestTheCertificateIsTheTokens(t *testing.T) {
	t.Parallel()
	bundle, signers := mesh(t, "workflow")
	r := newRig(t, func(s *web.Settings) { s.Bundle = bundle })
	r.Handle("GET /one", access.Services("workflow"), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	text, err := signers["workflow"].Token("things")
	if err != nil {
		t.Fatal(err)
	}
	for service, status := range map[string]int{"workflow": 200, "billing": 401} {
		req := httptest.NewRequest(http.MethodGet, "/one", nil)
		req.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{DNSNames: []string{service}}}}
		req.Header.Set(hop.Token, text)
		w := httptest.NewRecorder()
		r.Handler().ServeHTTP(w, req)
		if w.Code != status {
			t.Errorf("with the certificate of %s: %d, want %d", service, w.Code, status)
		}
	}
}

// TestWithoutABundleNoServiceIsBelieved: as on the private port.
func TestWithoutABundleNoServiceIsBelieved(t *testing.T) {
	t.Parallel()
	_, signers := mesh(t, "workflow")
	r := newRig(t, nil)
	r.Handle("GET /one", access.AnyService(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	text, err := signers["workflow"].Token("things")
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest(http.MethodGet, "/one", nil)
	req.Header.Set(hop.Token, text)
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, req)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("got %d", w.Code)
	}
}

// TestRulesForServicesAreRules: a rule that names nobody is none, and the document says who may call.
func TestRulesForServicesAreRules(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	mustPanic(t, "no access rule", func() { r.Handle("GET /nobody", access.Services(), nothing) })
	mustPanic(t, "no access rule", func() {
		r.HandleOperation(web.Operation{Method: "GET", Path: "/nobody", OperationID: "n", Summary: "n"}, access.Services(), nothing)
	})
	r.HandleOperation(web.Operation{Method: "GET", Path: "/acting", OperationID: "acting", Summary: "Act"}, access.AnyService().For(access.Has(access.Viewer)), nothing)
	doc, err := r.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{`"x-signalbox-access":"service:any for role:viewer"`, `"serviceToken":[]`, `"userToken":[]`, `"name":"Signalbox-Token"`} {
		if !strings.Contains(string(doc), words) {
			t.Errorf("the document has no %s", words)
		}
	}
}
