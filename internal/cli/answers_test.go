package cli

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// answers is a mesh that knows a few paths by heart; any other is not found.
func answers(t *testing.T, bodies map[string]string) (url string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := bodies[r.Method+" "+r.URL.Path]
		switch {
		case !ok:
			w.WriteHeader(http.StatusNotFound)
		case strings.Contains(body, `"status"`):
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = w.Write([]byte(body)) // a client that left is seen in its own test
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// A refusal is told whole: which input is wrong, and what would be right.
func TestRefusalsNameTheInput(t *testing.T) {
	t.Parallel()
	url := answers(t, map[string]string{"POST " + leasesPath: `{"status":400,"code":"invalid","detail":"the lease is not valid",
		"errors":[{"name":"/value","detail":"must be a level"},{"name":"/ttl","detail":"must be at most 24h"}]}`})
	code, _, stderr := call(t, nil, "", "level", "set", "catalogs", "verbose", "--url", url, "--token", "t")
	if want := "the lease is not valid: value: must be a level; ttl: must be at most 24h (400 invalid)"; code != 2 || !strings.Contains(stderr, want) {
		t.Errorf("code %d, %q; want 2 and %q", code, stderr, want)
	}
}

// A name that nobody has is a mistake to be told, not an empty answer.
func TestNobodyIsMeant(t *testing.T) {
	t.Parallel()
	url := answers(t, map[string]string{
		"GET " + levelsPath:  `{"levels":[{"service":"catalogs","instance":"catalogs-1","logger":"","configured":"INFO","effective":"INFO"}]}`,
		"POST " + leasesPath: `{"lease":{"id":"the-lease"},"applied":0,"expected":0,"summary":"0 of 0"}`,
	})
	nobody := answers(t, map[string]string{"GET " + levelsPath: `{"levels":[]}`})
	for _, c := range []struct {
		url  string
		args []string
		code int
		says string
	}{
		{url, []string{"level", "get", "catalogs"}, 0, ""},
		{url, []string{"level", "get", "all"}, 0, ""},
		{nobody, []string{"level", "get", "catalog"}, 1, `no live instance of "catalog"`},
		{url, []string{"level", "get", "--logger", "catalogs.stor"}, 1, `the logger "catalogs.stor"`},
		{url, []string{"level", "set", "catalog", "debug"}, 1, "signalbox lease drop the-lease"},
	} {
		code, _, stderr := call(t, nil, "", append(c.args, "--url", c.url, "--token", "t")...)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("%v: code %d, %q; want %d and %q", c.args, code, stderr, c.code, c.says)
		}
	}
}

// A command for the mesh in a folder never reaches the remote one whose context is in use.
func TestANamedFolderIsMeant(t *testing.T) {
	t.Parallel()
	config, empty := t.TempDir(), t.TempDir()
	url := answers(t, map[string]string{"GET " + instancesPath: `{"instances":[]}`})
	environ := []string{"XDG_CONFIG_HOME=" + config}
	if code, _, stderr := call(t, environ, "token\n", "context", "set", "prod", url); code != 0 {
		t.Fatal(stderr)
	}
	for _, c := range []struct {
		args []string
		code int
	}{{[]string{"ps"}, 0}, {[]string{"ps", "--context", "prod"}, 0}, {[]string{"ps", "--state", empty}, 1}} {
		if code, _, stderr := call(t, environ, "", c.args...); code != c.code {
			t.Errorf("%v: code %d, %q; want %d", c.args, code, stderr, c.code)
		}
	}
}
