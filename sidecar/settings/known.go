package settings

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Known lists the variables that the configurations are read from, for all services and for this one.
// A value that is no configuration struct adds nothing.
func Known(service string, configs ...any) []string {
	var out []string
	for _, c := range configs {
		fields, err := fieldsOf(c)
		if err != nil {
			continue
		}
		for _, f := range fields {
			out = append(out, Prefix+f.Name)
			if service != "" {
				out = append(out, Variable(service, f.Name))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// kubernetes sets variables like these for every Service of a namespace (service links).
var kubernetes = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)$`)

// Unknown refuses a variable with our prefix that nothing reads: a typing error would otherwise be a
// default in silence. The *Error is about the first one by name, with the known name nearest to it.
func Unknown(environ, known []string) error {
	var bad []string
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, Prefix) && !slices.Contains(known, name) && !fromKubernetes(name, value) {
			bad = append(bad, name)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	slices.Sort(bad)
	return &Error{bad[0], "is not a setting; " + suggest(bad[0], known)}
}

func fromKubernetes(name, value string) bool {
	return kubernetes.MatchString(name) || (strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://"))
}

func suggest(name string, known []string) string {
	best, distance := "", 1+len(name)/4
	for _, k := range known {
		if d := editDistance(name, k); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return "unset it (docs/settings.md lists all)"
	}
	return fmt.Sprintf("did you mean %s?", best)
}

// editDistance is Levenshtein's, in bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
