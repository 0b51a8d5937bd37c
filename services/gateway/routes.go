package gateway

import (
	"net/http"
	"time"

	"github.com/signalbox-mesh/signalbox/services/gateway/internal/route"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

const (
	kib         = 1 << 10
	mib         = 1 << 20
	normalWait  = 30 * time.Second
	pageWait    = 15 * time.Second
	passwordMax = 16 * kib
)

// routes is the whole of what can be reached from outside. Paths are forwarded unchanged. A row with a
// method and an exact path stands before the prefix that it lies under.
func routes(openapi, docs http.Handler) []route.Route {
	signedIn, public := access.SignedIn(), access.Public()
	studio := http.RedirectHandler("/studio/", http.StatusFound) // what people mean who open the mesh in a browser
	return []route.Route{
		{Method: "POST", Pattern: "/api/identity/v1/sessions", Service: "identity", Rule: public, Body: passwordMax, Timeout: pageWait},
		{Method: "POST", Pattern: "/api/identity/v1/sessions/refresh", Service: "identity", Rule: public, Body: passwordMax, Timeout: pageWait},
		{Method: "POST", Pattern: "/api/identity/v1/sessions/exchange", Service: "identity", Rule: public, Body: passwordMax, Timeout: pageWait},
		{Method: "DELETE", Pattern: "/api/identity/v1/sessions/current", Service: "identity", Rule: public, Body: passwordMax, Timeout: pageWait},
		{Method: "GET", Pattern: "/api/identity/v1/jwks", Service: "identity", Rule: public, Timeout: pageWait},
		{Pattern: "/api/identity/", Service: "identity", Rule: signedIn, Body: mib, Timeout: normalWait},

		{Pattern: "/api/catalogs/", Service: "catalogs", Rule: signedIn, Body: mib, Timeout: normalWait},
		{Pattern: "/api/scheduler/", Service: "scheduler", Rule: signedIn, Body: mib, Timeout: normalWait},

		{Method: "GET", Pattern: "/api/maintenance/v1/logs/tail", Service: "view-service", Rule: signedIn, Timeout: normalWait, Stream: true},
		{Method: "GET", Pattern: "/api/maintenance/v1/logs/export", Service: "view-service", Rule: signedIn, Timeout: normalWait, Stream: true},
		{Method: "GET", Pattern: "/api/maintenance/v1/profiles/", Service: "view-service", Rule: signedIn, Timeout: normalWait, Stream: true}, // a large one takes its time
		{Method: "POST", Pattern: "/api/maintenance/v1/otlp/v1/logs", Service: "view-service", Rule: signedIn, Body: 4 * mib, Timeout: normalWait},
		// A maintenance window of view-service can be closed before its time.
		{Pattern: "/api/maintenance/v1/leases", Service: "view-service", Rule: signedIn, Body: mib, Timeout: normalWait, Open: true},
		{Pattern: "/api/maintenance/v1/leases/", Service: "view-service", Rule: signedIn, Body: mib, Timeout: normalWait, Open: true},
		{Pattern: "/api/maintenance/", Service: "view-service", Rule: signedIn, Body: mib, Timeout: normalWait},
		{Pattern: "/api/view-service/v1/views", Service: "view-service", Rule: signedIn, Body: mib, Timeout: normalWait},
		{Pattern: "/api/view-service/v1/views/", Service: "view-service", Rule: signedIn, Body: mib, Timeout: normalWait},

		{Method: "GET", Pattern: "/studio/", Service: "web-studio", Rule: public, Timeout: pageWait},
		{Method: "GET", Pattern: "/studio", Handler: studio, Rule: public, Timeout: pageWait},
		{Method: "GET", Pattern: "/", Handler: studio, Rule: public, Timeout: pageWait},

		{Method: "GET", Pattern: "/openapi.json", Handler: openapi, Rule: public, Timeout: pageWait},
		{Method: "GET", Pattern: "/docs", Handler: docs, Rule: public, Timeout: pageWait},
		{Method: "GET", Pattern: "/docs/", Handler: docs, Rule: public, Timeout: pageWait},
	}
}
