package web

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// readLimit bounds the time in which a typed route's body has to arrive.
const readLimit = 30 * time.Second

// bounded refuses a body that is declared too large before a byte of it is read, and cuts off one
// that turns out to be. A limit below 0 is none.
func bounded(limit int64, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if limit >= 0 && r.ContentLength > limit {
			w.Header().Set("Connection", "close")
			problem.Write(w, r, problem.TooLarge(limit))
			return
		}
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = body{limited(w, r, limit), own(w)}
		}
		next.ServeHTTP(w, r)
	})
}

func limited(w http.ResponseWriter, r *http.Request, limit int64) io.ReadCloser {
	if limit < 0 {
		return r.Body
	}
	return http.MaxBytesReader(own(w).ResponseWriter, r.Body, limit)
}

// whole reads a typed route's body before huma does, which would answer 500 for one cut off, refuses
// one byte too early, and knows no depth. Forms are left for huma to stream.
func whole(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := wellFormed(r.URL); err != nil {
			problem.Write(w, r, err)
			return
		}
		if r.Body == nil || r.Body == http.NoBody || isForm(r) {
			next.ServeHTTP(w, r)
			return
		}
		text, err := slurp(w, r)
		if err == nil && isJSON(r) {
			err = plausible(text, MaxDepth)
		}
		if err != nil {
			problem.Write(w, r, err)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(text))
		next.ServeHTTP(w, r)
	})
}

// wellFormed refuses what no store takes as text, so that it cannot become a 500 further in.
func wellFormed(u *url.URL) error {
	if !isText(u.Path) {
		return problem.New(problem.Invalid, "the path is not UTF-8 text")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return problem.Wrap(problem.Invalid, "the query is not well-formed", err)
	}
	for name, values := range query {
		if !isText(name) || slices.ContainsFunc(values, func(v string) bool { return !isText(v) }) {
			return problem.New(problem.Invalid, "the query is not UTF-8 text")
		}
	}
	return nil
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// slurp reads all of the body within readLimit. The deadline is taken away again: the server reads on
// in the background to notice a client that leaves.
func slurp(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(readLimit)) // a test's recorder has none
	var buf bytes.Buffer
	if r.ContentLength > 0 {
		buf.Grow(int(min(r.ContentLength, MaxBody)) + bytes.MinRead)
	}
	_, err := buf.ReadFrom(r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, err
	case err != nil:
		return nil, problem.Wrap(problem.Invalid, "the body did not arrive whole", err)
	}
	_ = control.SetReadDeadline(time.Time{})
	return buf.Bytes(), nil
}

func isForm(r *http.Request) bool {
	return strings.HasPrefix(mediaType(r), "multipart/")
}

func isJSON(r *http.Request) bool {
	m := mediaType(r)
	return m == "" || m == "application/json" || strings.HasSuffix(m, "+json")
}

func mediaType(r *http.Request) string {
	m, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return m
}

// plausible scans without decoding, so that a hostile body costs no more than its length: it refuses
// nesting deeper than limit, and the character U+0000, which PostgreSQL's text and jsonb do not take.
func plausible(text []byte, limit int) error {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			if bytes.HasPrefix(text[i:], []byte(`\u0000`)) {
				return problem.New(problem.Invalid, "the JSON body holds the character U+0000")
			}
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return problem.New(problem.Invalid, "the JSON body is nested too deep")
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}
