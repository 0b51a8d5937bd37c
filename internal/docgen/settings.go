package docgen

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/signalbox-mesh/signalbox/internal/house"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

const settingsHead = `# Settings

Every setting is an environment variable. ` + "`SIGNALBOX_<NAME>`" + ` is for all services of a process,
` + "`SIGNALBOX_<SERVICE>_<NAME>`" + ` (` + "`SIGNALBOX_VIEW_SERVICE_LOG_LEVEL`" + `) for one service alone, and wins. A variable with
this prefix that is no setting is refused at the start, with the one that was probably meant; so is a value that cannot
be right. Durations are written like 500ms, 10s or 1h30m. Secrets are masked wherever settings are shown.

`

const settingsCommand = `## The program

| variable | meaning |
|---|---|
| ` + "`SIGNALBOX_POSTGRES_URL`" + ` | for ` + "`up`" + `: a PostgreSQL that exists, as administrator; a database and roles are made in it |
| ` + "`SIGNALBOX_AMQP_URL`" + ` | for ` + "`up`" + `: a RabbitMQ that exists |
| ` + "`SIGNALBOX_POSTGRES_ADMIN_URL`" + ` | for ` + "`migrate --bootstrap`" + `: makes schemas and roles |
| ` + "`SIGNALBOX_STATE`" + ` | folder of the mesh on this machine; default ` + "`.signalbox`" + ` |
| ` + "`SIGNALBOX_URL`, `SIGNALBOX_TOKEN`" + ` | a mesh elsewhere, for the commands that talk to one |
| ` + "`SIGNALBOX_CONTEXT`" + ` | a mesh elsewhere, by its name |

`

// settingsPage has what every sidecar reads once, and then what each service adds to it.
func settingsPage() []byte {
	var out bytes.Buffer
	out.WriteString(settingsHead + note + settingsCommand + "## Every service\n\n")
	common := settings.Describe(sidecar.Config{})
	table(&out, "", common)
	for _, e := range house.Entries() {
		fmt.Fprintf(&out, "\n## %s\n\n", e.Name)
		table(&out, e.Name, without(settings.Describe(e.Config()), common))
	}
	return out.Bytes()
}

// without leaves what only this service has; the same name without the service's is valid too.
func without(all, common []settings.Field) []settings.Field {
	return slices.DeleteFunc(all, func(f settings.Field) bool {
		return slices.ContainsFunc(common, func(c settings.Field) bool { return c.Name == f.Name })
	})
}

func table(out *bytes.Buffer, service string, fields []settings.Field) {
	if len(fields) == 0 {
		out.WriteString("None of its own.\n")
		return
	}
	out.WriteString("| variable | default | meaning |\n|---|---|---|\n")
	for _, f := range fields {
		fmt.Fprintf(out, "| `%s` | %s | %s |\n", settings.Variable(service, f.Name), code(f.Default), meaning(f))
	}
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func meaning(f settings.Field) string {
	text := strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(f.Desc)
	if f.Secret {
		text += " (secret)"
	}
	return text
}
