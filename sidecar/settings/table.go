package settings

import (
	"fmt"
	"io"
	"strings"
)

// Table writes the settings of the configurations as a Markdown table, each name once.
func Table(w io.Writer, configs ...any) error {
	if _, err := fmt.Fprint(w, "| variable | default | meaning |\n|---|---|---|\n"); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, c := range configs {
		fields, err := fieldsOf(c)
		if err != nil {
			return err
		}
		for _, f := range fields {
			if seen[f.Name] {
				continue
			}
			seen[f.Name] = true
			if err := row(w, f.Field); err != nil {
				return err
			}
		}
	}
	return nil
}

func row(w io.Writer, f Field) error {
	def, desc := "", strings.ReplaceAll(f.Desc, "|", `\|`)
	if f.Default != "" {
		def = "`" + f.Default + "`"
	}
	if f.Secret {
		desc += " (secret)"
	}
	_, err := fmt.Fprintf(w, "| `%s%s` | %s | %s |\n", Prefix, f.Name, def, desc)
	return err
}
