package traces

import (
	"errors"
	"net/url"
	"strings"
)

// placeholder of the id in the template of a page.
const placeholder = "{trace_id}"

// Page is where people look at traces. The zero value has no page, and makes no links. Safe for concurrent use.
type Page struct{ before, behind string }

// ParsePage reads a URL with {trace_id} in it; "" is the page of the store that query names, and none without one.
func ParsePage(template, query string) (Page, error) {
	if template == "" {
		if query == "" {
			return Page{}, nil
		}
		s, err := parseStore(query)
		if err != nil {
			return Page{}, err
		}
		template = s.page()
	}
	before, behind, found := strings.Cut(template, placeholder)
	u, err := url.Parse(before + "0" + behind)
	host, wrong := url.Parse(before) // in which the id has no place
	if !found || err != nil || (u.Scheme != "http" && u.Scheme != "https") || wrong != nil || host.Hostname() == "" {
		return Page{}, errors.New("is no URL with {trace_id} in it; write it like https://jaeger.example/trace/{trace_id}")
	}
	return Page{before, behind}, nil
}

// Link to the page of a trace; "" without one.
func (p Page) Link(traceID string) string {
	if p.before == "" || traceID == "" {
		return ""
	}
	return p.before + traceID + p.behind
}
