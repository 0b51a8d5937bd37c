// Package docs serves the page that shows the merged OpenAPI document: three static files, which load
// nothing from elsewhere.
package docs

import (
	"embed"
	"net/http"
)

//go:embed page/index.html page/docs.js page/docs.css
var page embed.FS

// policy lets the page load itself and the document, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler serves /docs, /docs/docs.js and /docs/docs.css.
func Handler(notFound http.Handler) http.Handler {
	files := map[string]struct{ name, kind string }{
		"/docs":          {"page/index.html", "text/html; charset=utf-8"},
		"/docs/":         {"page/index.html", "text/html; charset=utf-8"},
		"/docs/docs.js":  {"page/docs.js", "text/javascript; charset=utf-8"},
		"/docs/docs.css": {"page/docs.css", "text/css; charset=utf-8"},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := files[r.URL.Path]
		body, err := page.ReadFile(f.name)
		if !ok || err != nil {
			notFound.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", f.kind)
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		if r.Method != http.MethodHead {
			_, _ = w.Write(body)
		}
	})
}
