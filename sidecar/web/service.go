package web

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
	"github.com/signalbox-mesh/signalbox/sidecar/mtls"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

func newRefused(r prometheus.Registerer) *prometheus.CounterVec {
	return telemetry.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signalbox_http_refused_total",
		Help: "Requests to routes for services that were refused, by what was wrong: token, certificate (of another service than the token) or caller",
	}, []string{"reason"}))
}

// service is who calls a route for services: the token is verified offline and is for this service, as on the private
// port; the connection's certificate, if it has one, is the same service's. "" on other routes, where nobody asks.
func (a *API) service(rule access.Rule, r *http.Request) (string, error) {
	if !rule.NeedsService() {
		return "", nil
	}
	tokens := r.Header.Values(hop.Token)
	if len(tokens) != 1 {
		return "", a.refuse("token", problem.New(problem.Unauthorized, "this needs one service token, in the header "+hop.Token))
	}
	if a.settings.Bundle == nil {
		return "", a.refuse("token", problem.New(problem.Unauthorized, "the service token cannot be verified: there is no trust bundle here"))
	}
	name, err := a.settings.Bundle.Verify(tokens[0], a.settings.Service)
	switch {
	case err != nil:
		return "", a.refuse("token", problem.Wrap(problem.Unauthorized, "the service token was refused", err))
	case r.TLS != nil && len(r.TLS.PeerCertificates) > 0 && !mtls.Speaks(*r.TLS, name):
		return "", a.refuse("certificate", problem.New(problem.Unauthorized, fmt.Sprintf("the service token is %s's, the connection's certificate is not", name)))
	case !rule.AdmitsService(name):
		return "", a.refuse("caller", problem.New(problem.Forbidden, fmt.Sprintf("this may not be called by %s", name)))
	}
	return name, nil
}

func (a *API) refuse(reason string, err error) error {
	a.refused.WithLabelValues(reason).Inc()
	return err
}
