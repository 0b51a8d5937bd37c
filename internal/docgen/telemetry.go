package docgen

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const telemetryHead = `# Telemetry

What the services of this binary tell of themselves: every metric that one of them has registered, and the keys of a
log record. Services are scraped at ` + "`/metrics`" + ` (Prometheus text, or OpenMetrics with exemplars by ` + "`Accept`" + `);
` + "`/api/maintenance/v1/targets`" + ` lists all instances for Prometheus' HTTP service discovery. ` + "`service` and `instance`" + `
are the scraper's labels. Beside what is listed there are the collectors of Go (` + "`go_*`" + `) and of the process
(` + "`process_*`" + `); several services in one process share it, and carry the same ` + "`process_id`" + `, so that a board can count it
once. Histograms are classic and native at once. Names with another prefix than ` + "`signalbox_`" + ` are OpenTelemetry's.

`

// entry is a metric with the services that have it.
type entry struct {
	metric
	services []string
}

func telemetryPage(ctx context.Context, m *mesh, root string) ([]byte, error) {
	all, err := collect(ctx, m)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.WriteString(telemetryHead + note + "## Metrics\n")
	writeMetrics(&out, all, m.names)
	out.WriteString("\n## Log keys\n\nEvery line, on stderr and in `maintenance.logs`, has the first nine; attributes lie inside `attrs`.\n\n")
	err = writeKeys(&out, filepath.Join(root, "sidecar/logging/keys.go"))
	return out.Bytes(), err
}

// collect joins the registries of all services; one name means one thing everywhere.
func collect(ctx context.Context, m *mesh) ([]entry, error) {
	all := map[string]*entry{}
	for _, name := range m.names {
		list, err := m.metrics(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, found := range list {
			e, ok := all[found.name]
			if !ok {
				e = &entry{metric: found}
				all[found.name] = e
			}
			if e.kind != found.kind || e.help != found.help || !slices.Equal(e.labels, found.labels) {
				return nil, fmt.Errorf("%s is a %s %v (%s) in %s and a %s %v (%s) elsewhere", found.name, found.kind, found.labels, found.help, name, e.kind, e.labels, e.help)
			}
			if !slices.Contains(e.services, name) {
				e.services = append(e.services, name)
			}
		}
	}
	var sorted []entry
	for _, name := range slices.Sorted(maps.Keys(all)) {
		sorted = append(sorted, *all[name])
	}
	return sorted, nil
}

// metrics of a service, once its log line runs, which is the last to register.
func (m *mesh) metrics(ctx context.Context, name string) (list []metric, err error) {
	err = until(ctx, "the metrics of "+name, func() (bool, error) {
		list, err = described(m.running[name].Registry())
		return slices.ContainsFunc(list, func(m metric) bool { return m.name == "signalbox_log_ship_lag_seconds" }), err
	})
	return list, err
}

// writeMetrics has a table for each set of services that share metrics, the largest first.
func writeMetrics(out *bytes.Buffer, all []entry, services []string) {
	groups := map[string][]entry{}
	for _, e := range all {
		key := strings.Join(e.services, ", ")
		groups[key] = append(groups[key], e)
	}
	everywhere := strings.Join(services, ", ")
	keys := slices.SortedFunc(maps.Keys(groups), func(a, b string) int {
		return cmp.Or(strings.Count(b, ",")-strings.Count(a, ","), strings.Compare(a, b))
	})
	for _, key := range keys {
		title := key
		if key == everywhere {
			title = "Every service"
		}
		fmt.Fprintf(out, "\n### %s\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n", title)
		for _, e := range groups[key] {
			fmt.Fprintf(out, "| `%s` | %s | %s | %s |\n", e.name, e.kind, codes(e.labels), strings.ReplaceAll(e.help, "|", `\|`))
		}
	}
}

func codes(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return "`" + strings.Join(words, "` `") + "`"
}

// writeKeys takes the keys from the one file that has them, with its remarks.
func writeKeys(out *bytes.Buffer, path string) error {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		return fmt.Errorf("read the log keys: %w", err)
	}
	out.WriteString("| key | meaning |\n|---|---|\n")
	for _, d := range file.Decls {
		constants, ok := d.(*ast.GenDecl)
		if !ok || constants.Tok != token.CONST {
			continue
		}
		for _, s := range constants.Specs {
			if err := writeKey(out, s.(*ast.ValueSpec)); err != nil { //nolint:forcetypeassert // what a const holds
				return err
			}
		}
	}
	return nil
}

func writeKey(out *bytes.Buffer, s *ast.ValueSpec) error {
	literal, ok := s.Values[0].(*ast.BasicLit)
	if !ok {
		return fmt.Errorf("log key %s is no literal", s.Names[0])
	}
	key, err := strconv.Unquote(literal.Value)
	if err != nil {
		return fmt.Errorf("log key %s: %w", s.Names[0], err)
	}
	fmt.Fprintf(out, "| `%s` | %s |\n", key, strings.TrimSpace(s.Comment.Text()))
	return nil
}
