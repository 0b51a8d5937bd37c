// Package site serves a built single-page application: hashed assets for ever, everything else never without asking, and
// the application's own page at every path that is no file.
package site

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// Settings of a Site.
type Settings struct {
	Base   string // where it is served, with a slash at both ends
	Config Config
}

// Config is what the pages ask for at <base>config.json, before anybody has signed in.
type Config struct {
	Mesh    string `json:"mesh"` // "": it has no name
	Version string `json:"version"`
}

// policy lets the pages load what this service serves, call the mesh's API, and nothing else. Styles need no exception:
// PatternFly and the pages have style sheets and set single properties through the object model, which the policy does not
// bound, and no library that writes <style> elements is on a page. Images may be data: URLs since PatternFly's sheets hold
// some icons as such.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Site is an http.Handler, safe for concurrent use. It holds all files in memory, as they are in the program anyway.
type Site struct {
	base   string
	files  map[string]*file
	index  *file // nil: the application was not built
	config []byte
}

// New reads the files. Those whose name ends in .gz or .br are the compressed forms of the ones beside them.
func New(from fs.FS, s Settings) (*Site, error) {
	config, err := json.Marshal(s.Config)
	if err != nil {
		return nil, fmt.Errorf("encode the pages' settings: %w", err)
	}
	site := &Site{base: s.Base, files: map[string]*file{}, config: config}
	err = fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		return site.add(from, name)
	})
	if err != nil {
		return nil, err
	}
	site.index = site.files["index.html"]
	return site, nil
}

func (s *Site) add(from fs.FS, name string) error {
	content, err := fs.ReadFile(from, name)
	if err != nil {
		return err
	}
	plain, encoding := name, ""
	for suffix, e := range map[string]string{".gz": "gzip", ".br": "br"} {
		if cut, ok := strings.CutSuffix(name, suffix); ok {
			plain, encoding = cut, e
		}
	}
	f := s.files[plain]
	if f == nil {
		f = &file{name: plain, kind: kind(plain)}
		s.files[plain] = f
	}
	f.put(encoding, content)
	return nil
}

// kind is the media type; the tables of the machine have no say in it.
func kind(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".json":
		return "application/json"
	default:
		if known := mime.TypeByExtension(ext); known != "" {
			return known
		}
		return "application/octet-stream"
	}
}

// Built reports whether there is an application, and not the placeholder alone.
func (s *Site) Built() bool { return s.index != nil }

// ServeHTTP answers GET and HEAD below the base.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	name := strings.TrimPrefix(r.URL.Path, s.base)
	switch f := s.files[name]; {
	case name == "config.json":
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "no-cache")
		write(w, r, s.config)
	case f != nil:
		f.serve(w, r)
	case strings.HasPrefix(name, "assets/"): // of another build: its page must load anew, and not read a page as a script
		h.Set("Cache-Control", "no-store")
		http.Error(w, "there is no such file in this build of the studio", http.StatusNotFound)
	case s.index == nil:
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNotFound)
		write(w, r, []byte(notBuilt))
	default:
		s.index.serve(w, r)
	}
}

func write(w http.ResponseWriter, r *http.Request, body []byte) {
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// notBuilt is the page of a program that was compiled without the application.
const notBuilt = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>signalbox studio</title>
<h1>The studio was not built into this program</h1>
<p>Its pages need Node to be built. Where the sources are, with Node 20 or newer installed, run:</p>
<pre>make ui build</pre>
<p>and start the new <code>bin/signalbox</code>. Everything else works without: <code>signalbox --help</code>, and the <a href="/docs">API</a>.</p>
</html>
`
