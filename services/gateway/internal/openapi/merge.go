// Package openapi merges the services' OpenAPI documents into one. Names of components and operations
// get the service's name before them, so that two services may both have a Record.
package openapi

import (
	"fmt"
	"strings"
)

// Document is a decoded OpenAPI document.
type Document = map[string]any

// Source is one service's document.
type Source struct {
	Service  string
	Document Document
}

// Leads says whether a path leads to a service from outside; only such paths are taken over.
type Leads func(service, path string) bool

// Merge makes one document of all. missing are services that could not be asked; they are named in
// x-signalbox-missing. The sources are used up.
func Merge(version string, sources []Source, missing []string, leads Leads) Document {
	paths, components, tags := Document{}, Document{}, []any{}
	for _, s := range sources {
		s.rename()
		s.takePaths(paths, leads)
		s.takeComponents(components)
		tags = append(tags, Document{"name": s.Service})
	}
	names := make([]any, len(missing))
	for i, m := range missing {
		names[i] = m
	}
	return Document{
		"openapi": "3.1.0",
		"info": Document{
			"title": "signalbox", "version": version,
			"description": "All services as they are reached through the gateway. Tokens come from POST /api/identity/v1/sessions.",
		},
		"servers": []any{Document{"url": "/"}}, "tags": tags, "paths": paths, "components": components,
		"x-signalbox-missing": names,
	}
}

// rename puts the service's name before every component's, where it is made and where it is meant.
func (s Source) rename() {
	walk(s.Document, func(o Document) {
		if ref, ok := o["$ref"].(string); ok {
			o["$ref"] = s.reference(ref)
		}
		if d, ok := o["discriminator"].(Document); ok {
			mapping, _ := d["mapping"].(Document)
			for k, v := range mapping {
				mapping[k] = s.reference(fmt.Sprint(v))
			}
		}
	})
}

// reference renames "#/components/<kind>/<name>[/…]"; other references stay.
func (s Source) reference(ref string) string {
	rest, ok := strings.CutPrefix(ref, "#/components/")
	kind, name, full := strings.Cut(rest, "/")
	if !ok || !full {
		return ref
	}
	return "#/components/" + kind + "/" + s.name(name)
}

func (s Source) name(name string) string { return s.Service + "." + name }

func (s Source) takePaths(into Document, leads Leads) {
	paths, _ := s.Document["paths"].(Document)
	for path, item := range paths {
		operations, ok := item.(Document)
		if !ok || !leads(s.Service, path) {
			continue
		}
		for method, o := range operations {
			if operation, ok := o.(Document); ok && isMethod(method) {
				s.own(operation)
			}
		}
		into[path] = operations
	}
}

// own marks an operation as the service's: name, tag, and the security of its document where it has none.
func (s Source) own(operation Document) {
	if id, ok := operation["operationId"].(string); ok {
		operation["operationId"] = s.name(id)
	}
	operation["tags"] = []any{s.Service}
	security, own := operation["security"]
	if !own {
		security, own = s.Document["security"]
	}
	if own {
		operation["security"] = s.security(security)
	}
}

func (s Source) security(v any) []any {
	all, _ := v.([]any)
	out := []any{}
	for _, requirement := range all {
		renamed := Document{}
		schemes, _ := requirement.(Document)
		for name, scopes := range schemes {
			renamed[s.name(name)] = scopes
		}
		out = append(out, renamed)
	}
	return out
}

func (s Source) takeComponents(into Document) {
	components, _ := s.Document["components"].(Document)
	for kind, v := range components {
		named, ok := v.(Document)
		if !ok {
			continue
		}
		target, ok := into[kind].(Document)
		if !ok {
			target = Document{}
			into[kind] = target
		}
		for name, c := range named {
			target[s.name(name)] = c
		}
	}
}

func isMethod(key string) bool {
	switch key {
	case "get", "put", "post", "delete", "options", "head", "patch", "trace":
		return true
	default:
		return false
	}
}

// walk visits every object of a document.
func walk(v any, visit func(Document)) {
	switch v := v.(type) {
	case Document:
		visit(v)
		for _, child := range v {
			walk(child, visit)
		}
	case []any:
		for _, child := range v {
			walk(child, visit)
		}
	}
}
