package edge

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
)

func TestW11_ForeignHeadersAreDropped(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	foreign := []string{
		"X-User-Id", "X-User", "x-user-grants", "X-USER-NAME", "X_User_Id", "x-user_id", "X-Tenant-Id", "X_Tenant_Id", "X-Signalbox-Subject", "X-Signalbox_Subject", "Signalbox-Debug", "Signalbox_Debug",
		"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-User", "X_Forwarded_For", "Forwarded", "Via", "X-Real-Ip", "True-Client-Ip", "X-Original-Url", "X-Rewrite-Url",
		"X-Http-Method-Override", "Proxy-Authorization", "Remote-User", "X-Auth-Request-User", "X-Remote-User", "Content_Length", "Transfer_Encoding",
	}
	kept := []string{"Accept", "Authorization", "Content-Type", "If-Match", "Last-Event-Id", "Traceparent", "X-Request-Id", "Cookie"}
	for _, name := range append(foreign, kept...) {
		h[name] = []string{"x"}
	}
	dropForeign(h)
	for _, name := range foreign {
		if _, ok := h[name]; ok {
			t.Errorf("%s was kept", name)
		}
	}
	for _, name := range kept {
		if _, ok := h[name]; !ok {
			t.Errorf("%s was dropped", name)
		}
	}
}

func TestW1_HeaderLimits(t *testing.T) {
	t.Parallel()
	l := DefaultLimits()
	one := func(size int) http.Header { return http.Header{"X-A": {strings.Repeat("a", size-3)}} }
	count := func(n int) http.Header {
		h := http.Header{}
		for i := range n {
			h.Add("X-A", strconv.Itoa(i))
		}
		return h
	}
	total := func(size int) http.Header {
		h := http.Header{}
		for i := range 8 {
			h["X-"+strconv.Itoa(i)] = []string{strings.Repeat("a", size/8-3)}
		}
		h["X-0"][0] += strings.Repeat("a", size%8)
		return h
	}
	for name, c := range map[string]struct {
		h  http.Header
		ok bool
	}{
		"one, n-1": {one(l.Header - 1), true}, "one, n": {one(l.Header), true}, "one, n+1": {one(l.Header + 1), false},
		"count, n-1": {count(l.HeaderCount - 1), true}, "count, n": {count(l.HeaderCount), true}, "count, n+1": {count(l.HeaderCount + 1), false},
		"all, n-1": {total(l.Headers - 1), true}, "all, n": {total(l.Headers), true}, "all, n+1": {total(l.Headers + 1), false},
	} {
		if err := checkHeaders(c.h, l); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
