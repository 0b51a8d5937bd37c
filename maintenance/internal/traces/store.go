package traces

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// kind of a trace store: the query API that it has.
type kind string

const (
	jaeger kind = "jaeger"
	zipkin kind = "zipkin"
)

// store is where spans are kept.
type store struct {
	kind kind
	base *url.URL
}

// parseStore reads jaeger=URL or zipkin=URL. Its errors do not show the URL, which may hold a password.
func parseStore(text string) (*store, error) {
	name, address, _ := strings.Cut(text, "=")
	k := kind(name)
	if k != jaeger && k != zipkin {
		return nil, errors.New("must begin with jaeger= or zipkin=; write it like jaeger=http://host:16686")
	}
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("has no base URL of %s's query API behind its =; write it like jaeger=http://host:16686 or zipkin=http://host:9411", k)
	}
	return &store{k, u}, nil
}

// trace is the URL that a trace is read from.
func (s *store) trace(id ID) *url.URL {
	if s.kind == zipkin {
		return s.base.JoinPath("api", "v2", "trace", id.brief())
	}
	return s.base.JoinPath("api", "traces", id.brief())
}

// denies: the store itself says that it has no such trace, and not whoever else answers at that address.
func (s *store) denies(body []byte, id ID) bool {
	if s.kind == zipkin {
		return bytes.Contains(body, []byte(id.brief()))
	}
	var a jaegerAnswer
	return json.Unmarshal(body, &a) == nil && len(a.Errors) > 0
}

// page is the template of the pages of the store's own, without what a link must not tell.
func (s *store) page() string {
	base := *s.base
	base.User = nil
	if s.kind == zipkin {
		return base.JoinPath("zipkin", "traces").String() + "/" + placeholder
	}
	return base.JoinPath("trace").String() + "/" + placeholder
}

// CheckQuery says what is wrong with a setting that says where spans are kept; nil for a good one, and for "".
func CheckQuery(text string) error {
	if text == "" {
		return nil
	}
	_, err := parseStore(text)
	return err
}
