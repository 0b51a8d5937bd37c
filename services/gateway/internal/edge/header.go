package edge

import (
	"net/http"
	"slices"
	"strings"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// checkHeaders bounds what the server has already taken in: it reads up to twice as much, so that the
// refusal is a problem document.
func checkHeaders(h http.Header, l Limits) error {
	count, total := 0, 0
	for name, values := range h {
		for _, v := range values {
			size := len(name) + len(v)
			if size > l.Header {
				return tooLargeHeader("one header is too large")
			}
			count++
			total += size
		}
	}
	if count > l.HeaderCount || total > l.Headers {
		return tooLargeHeader("the headers are too large")
	}
	return nil
}

func tooLargeHeader(detail string) error {
	return &problem.Error{Code: problem.Invalid, Status: http.StatusRequestHeaderFieldsTooLarge, Detail: detail}
}

// dropForeign takes out what only we may say: who the caller is, where a request comes from, and what
// it really is. Names with an underscore go too: some servers read them as their twins with a hyphen.
func dropForeign(h http.Header) {
	for name := range h {
		if foreign(name) {
			delete(h, name)
		}
	}
}

func foreign(name string) bool {
	lower := strings.ToLower(name)
	if strings.Contains(lower, "_") || slices.Contains(foreignNames(), lower) {
		return true
	}
	return slices.ContainsFunc(foreignPrefixes(), func(p string) bool { return strings.HasPrefix(lower, p) })
}

func foreignPrefixes() []string {
	return []string{"x-user-", "x-tenant-", "x-signalbox-", "signalbox-", "x-forwarded-", "x-auth-", "x-authenticated-", "x-remote-", "x-original-", "x-rewrite-", "proxy-", "x-envoy-"}
}

func foreignNames() []string {
	return []string{
		"forwarded", "via", "x-forwarded", "x-user", "x-tenant", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cf-connecting-ip",
		"fastly-client-ip", "x-http-method", "x-http-method-override", "x-method-override", "x-host", "remote-user",
	}
}

// dropOutgoing takes out of an answer what is nobody's business, or ours to say.
func dropOutgoing(h http.Header) {
	for name := range h {
		lower := strings.ToLower(name)
		if lower == "server" || lower == "x-powered-by" || strings.HasPrefix(lower, "access-control-") || strings.HasPrefix(lower, "ratelimit-") ||
			strings.HasPrefix(lower, "x-signalbox-") || strings.HasPrefix(lower, "signalbox-") || lower == "x-trace-id" || lower == "x-content-type-options" {
			delete(h, name)
		}
	}
}
