package site

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
)

// file is one file with its compressed forms.
type file struct {
	name  string
	kind  string
	forms map[string]form // by content coding; "" is the plain one
}

type form struct {
	content []byte
	etag    string
}

func (f *file) put(encoding string, content []byte) {
	if f.forms == nil {
		f.forms = map[string]form{}
	}
	sum := sha256.Sum256(content)
	f.forms[encoding] = form{content: content, etag: `"` + hex.EncodeToString(sum[:12]) + `"`}
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(f.name, "assets/") { // their names hold a hash of what is in them
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	encoding := ""
	if len(f.forms) > 1 {
		h.Add("Vary", "Accept-Encoding")
		encoding = f.best(r.Header.Get("Accept-Encoding"))
	}
	chosen := f.forms[encoding]
	h.Set("ETag", chosen.etag)
	if strings.Contains(r.Header.Get("If-None-Match"), chosen.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
	}
	h.Set("Content-Length", strconv.Itoa(len(chosen.content)))
	write(w, r, chosen.content)
}

// best is the smallest form that the client takes.
func (f *file) best(accepted string) string {
	for _, encoding := range []string{"br", "gzip"} {
		if _, ok := f.forms[encoding]; ok && accepts(accepted, encoding) {
			return encoding
		}
	}
	return ""
}

// accepts reads Accept-Encoding; a weight of 0 is a refusal.
func accepts(header, encoding string) bool {
	for _, one := range strings.Split(header, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(one), ";")
		if !strings.EqualFold(strings.TrimSpace(name), encoding) {
			continue
		}
		q, isWeight := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
		value, err := strconv.ParseFloat(q, 64)
		return !isWeight || err != nil || value > 0
	}
	return false
}
