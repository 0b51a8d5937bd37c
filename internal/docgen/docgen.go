// Package docgen makes the documents that are written by no hand: the settings, the telemetry and the OpenAPI
// documents. It asks the services themselves, so that a document can only say what is.
package docgen

import (
	"context"
	"errors"
)

//go:generate go test -count=1 -run TestDocumentsAreCurrent . -update

// Documents makes every generated document, by its path in the repository. It runs all services, in this process and
// below dir, on a database that does not answer: what they are does not depend on one.
func Documents(ctx context.Context, root, dir string) (_ map[string][]byte, err error) {
	m, err := start(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.stop(context.WithoutCancel(ctx))) }()
	telemetry, err := telemetryPage(ctx, m, root)
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{"docs/settings.md": settingsPage(), "docs/telemetry.md": telemetry}
	for path, service := range map[string]string{
		// identity and catalogs hold theirs against their routes in tests of their own.
		"services/scheduler/openapi.json":    "scheduler",
		"services/view-service/openapi.json": "view-service",
		"docs/openapi.json":                  "gateway", // all of them merged
	} {
		if all[path], err = m.openAPI(ctx, service); err != nil {
			return nil, err
		}
	}
	return all, nil
}

const note = "<!-- Made by make generate from the code; internal/docgen says how. -->\n\n"
