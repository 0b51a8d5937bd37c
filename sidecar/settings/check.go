package settings

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// check looks at the form of values whose names say what they are. Empty means not set.
func (o overlaid) check(f field) error {
	value := o.values[f.Name]
	switch {
	case value == "":
		return nil
	case strings.HasSuffix(f.Name, "_URL") || f.schemes != "":
		if problem := checkURL(value, schemes(f)); problem != "" {
			return o.bad(f, problem)
		}
	case strings.HasSuffix(f.Name, "_ADDR"):
		if problem := checkAddr(value); problem != "" {
			return o.bad(f, problem)
		}
	}
	return nil
}

// schemes that a URL may have: the tag scheme says it, else the name.
func schemes(f field) []string {
	switch {
	case f.schemes != "":
		return strings.Split(f.schemes, ",")
	case strings.Contains(f.Name, "POSTGRES"):
		return []string{"postgres", "postgresql"}
	case strings.Contains(f.Name, "AMQP"):
		return []string{"amqp", "amqps"}
	case strings.Contains(f.Name, "REDIS"):
		return []string{"redis", "rediss"}
	default:
		return []string{"http", "https"}
	}
}

func checkURL(text string, schemes []string) (problem string) {
	example := "; write it like " + schemes[0] + "://host:port/…"
	u, err := url.Parse(text)
	switch {
	case err != nil: // its text may hold the password
		return "is not a URL (special characters in a password must be percent-encoded)" + example
	case !slices.Contains(schemes, u.Scheme):
		return "is not a URL of the kind " + strings.Join(schemes, " or ") + example
	case u.Host == "" && u.Path == "" && u.RawQuery == "":
		return "names no host" + example
	case u.Port() != "" && !validPort(u.Port()):
		return "has a port that is not between 0 and 65535" + example
	}
	return ""
}

func checkAddr(text string) (problem string) {
	_, port, err := net.SplitHostPort(text)
	if err != nil || !validPort(port) {
		return "is not an address; write it like 127.0.0.1:8080 or :8080"
	}
	return ""
}

func validPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n <= 65535
}
