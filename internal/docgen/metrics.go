package docgen

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// metric is what /metrics says of one, whether it has a series yet or not.
type metric struct {
	name, kind, help string
	labels           []string
}

// described asks a registry for all that is registered in it, so that a counter of failures is listed before the
// first failure.
func described(r *prometheus.Registry) ([]metric, error) {
	kinds, err := gathered(r)
	if err != nil {
		return nil, err
	}
	found := make(chan *prometheus.Desc)
	go func() { defer close(found); r.Describe(found) }()
	var descs []*prometheus.Desc
	for d := range found {
		descs = append(descs, d)
	}
	var all []metric
	for _, d := range descs {
		m, err := parse(d)
		if err != nil {
			return nil, err
		}
		if foreign(m.name) {
			continue
		}
		if m.kind = kinds[m.name]; m.kind == "" {
			if m.kind, err = registered(r, d); err != nil {
				return nil, fmt.Errorf("type of %s: %w", m.name, err)
			}
		}
		all = append(all, m)
	}
	return all, nil
}

// foreign are the collectors of Go and of the process; what they have depends on the machine.
func foreign(name string) bool {
	return strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_")
}

func gathered(r *prometheus.Registry) (map[string]string, error) {
	families, err := r.Gather()
	if err != nil {
		return nil, fmt.Errorf("gather: %w", err)
	}
	kinds := map[string]string{}
	for _, f := range families {
		kinds[f.GetName()] = strings.ToLower(f.GetType().String())
	}
	return kinds, nil
}

// probe has the description of a collector that is registered already.
type probe struct{ desc *prometheus.Desc }

func (p probe) Describe(ch chan<- *prometheus.Desc) { ch <- p.desc }
func (probe) Collect(chan<- prometheus.Metric)      {}

// registered is the type of a vector without a series: the registry, asked to take its description once more, shows it.
func registered(r *prometheus.Registry, d *prometheus.Desc) (string, error) {
	err := r.Register(probe{d})
	already, ok := errors.AsType[prometheus.AlreadyRegisteredError](err)
	if !ok {
		return "", fmt.Errorf("it has no series and is one of several of its collector: %w", err)
	}
	switch c := already.ExistingCollector.(type) {
	case *prometheus.CounterVec:
		return "counter", nil
	case *prometheus.GaugeVec:
		return "gauge", nil
	case *prometheus.HistogramVec:
		return "histogram", nil
	case interface{ Kind() string }: // one of our own says it itself
		return c.Kind(), nil
	default:
		return "", fmt.Errorf("it has no series and its collector is a %T", c)
	}
}

var (
	written = regexp.MustCompile(`^Desc\{fqName: ("(?:[^"\\]|\\.)*"), help: ("(?:[^"\\]|\\.)*"), unit: "[^"]*", constLabels: \{(.*)\}, variableLabels: \{(.*)\}\}$`)
	named   = regexp.MustCompile(`([a-zA-Z_]+)="(?:[^"\\]|\\.)*"`)
)

// parse reads a description; the library shows one only as text.
func parse(d *prometheus.Desc) (m metric, err error) {
	parts := written.FindStringSubmatch(d.String())
	if parts == nil {
		return m, fmt.Errorf("description %s is written in an unknown way", d)
	}
	if m.name, err = strconv.Unquote(parts[1]); err != nil {
		return m, err
	}
	if m.help, err = strconv.Unquote(parts[2]); err != nil {
		return m, err
	}
	for _, label := range named.FindAllStringSubmatch(parts[3], -1) {
		if m.labels = append(m.labels, label[1]); label[1] == "" {
			return m, fmt.Errorf("metric %s has a label without a name", m.name)
		}
	}
	m.labels = append(m.labels, strings.FieldsFunc(parts[4], func(r rune) bool { return r == ',' })...)
	slices.Sort(m.labels)
	return m, nil
}
