package site_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/signalbox-mesh/signalbox/services/web-studio/internal/site"
)

func files() fstest.MapFS {
	all := fstest.MapFS{}
	for name, text := range map[string]string{
		".placeholder": "for git", "index.html": "<page>", "index.html.gz": "gz<page>", "icon.svg": "<svg/>",
		"assets/main-a1b2.js": "plain", "assets/main-a1b2.js.gz": "gzipped", "assets/main-a1b2.js.br": "brotli",
	} {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

func get(t *testing.T, h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func open(t *testing.T, from fstest.MapFS) *site.Site {
	t.Helper()
	s, err := site.New(from, site.Settings{Base: "/studio/", Config: site.Config{Mesh: "east", Version: "v1"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatIsServed(t *testing.T) {
	t.Parallel()
	s := open(t, files())
	const forever, asked = "public, max-age=31536000, immutable", "no-cache"
	for _, c := range []struct {
		path, accept       string
		status             int
		body, kind, coding string
		cache              string
	}{
		{"/studio/", "", 200, "<page>", "text/html; charset=utf-8", "", asked},
		{"/studio/", "gzip, br", 200, "gz<page>", "text/html; charset=utf-8", "gzip", asked},
		{"/studio/logs", "", 200, "<page>", "text/html; charset=utf-8", "", asked},
		{"/studio/schedules/a.b", "", 200, "<page>", "text/html; charset=utf-8", "", asked},
		{"/studio/assets/main-a1b2.js", "", 200, "plain", "text/javascript; charset=utf-8", "", forever},
		{"/studio/assets/main-a1b2.js", "gzip", 200, "gzipped", "text/javascript; charset=utf-8", "gzip", forever},
		{"/studio/assets/main-a1b2.js", "gzip;q=1.0, br;q=0.5", 200, "brotli", "text/javascript; charset=utf-8", "br", forever},
		{"/studio/assets/main-a1b2.js", "gzip, br; q=0", 200, "gzipped", "text/javascript; charset=utf-8", "gzip", forever},
		{"/studio/assets/main-old.js", "", 404, "", "text/plain; charset=utf-8", "", "no-store"},
		{"/studio/assets/main-a1b2.js.br", "", 404, "", "text/plain; charset=utf-8", "", "no-store"},
		{"/studio/icon.svg", "br", 200, "<svg/>", "image/svg+xml", "", asked},
		{"/studio/.placeholder", "", 200, "<page>", "text/html; charset=utf-8", "", asked},
		{"/studio/config.json", "", 200, `{"mesh":"east","version":"v1"}`, "application/json", "", asked},
	} {
		w := get(t, s, "GET", c.path, "Accept-Encoding", c.accept)
		h := w.Header()
		if w.Code != c.status || c.body != "" && w.Body.String() != c.body || h.Get("Content-Type") != c.kind || h.Get("Content-Encoding") != c.coding || h.Get("Cache-Control") != c.cache {
			t.Errorf("%s (%s): %d %q %v", c.path, c.accept, w.Code, w.Body, h)
		}
		csp := h.Get("Content-Security-Policy")
		if strings.Contains(csp, "unsafe") || !strings.Contains(csp, "script-src 'self'") || !strings.Contains(csp, "frame-ancestors 'none'") ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", c.path, h)
		}
		if head := get(t, s, "HEAD", c.path, "Accept-Encoding", c.accept); c.status == 200 && head.Body.Len() > 0 {
			t.Errorf("HEAD %s has a body", c.path)
		}
	}
}

func TestUnchangedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s := open(t, files())
	first := get(t, s, "GET", "/studio/")
	if w := get(t, s, "GET", "/studio/", "If-None-Match", first.Header().Get("ETag")); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	if w := get(t, s, "GET", "/studio/", "If-None-Match", first.Header().Get("ETag"), "Accept-Encoding", "gzip"); w.Code != http.StatusOK {
		t.Errorf("another form passes for the one that is kept: %d", w.Code)
	}
}

func TestAProgramWithoutPagesSaysHowToGetThem(t *testing.T) {
	t.Parallel()
	s := open(t, fstest.MapFS{".placeholder": {Data: []byte("for git")}})
	if s.Built() || !open(t, files()).Built() {
		t.Error("Built is wrong")
	}
	for _, path := range []string{"/studio/", "/studio/logs"} {
		w := get(t, s, "GET", path)
		if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "make ui") || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
}
