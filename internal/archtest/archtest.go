// Package archtest holds the plan of the house as rules that a test decides: who imports whom, which
// library belongs to which room, which calls no service makes. It reads the sources itself (go list's
// answer would be cached stale by go test).
package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Violation is one breach of one rule, at a place.
type Violation struct {
	File string // path within the repository
	Rule string // ranks, service, third-party, call, initialiser
	Why  string
}

func (v Violation) String() string { return v.File + ": " + v.Rule + ": " + v.Why }

// Check walks every Go file of the repository and returns what breaks a rule, in the order of the files.
func Check(repo fs.FS) ([]Violation, error) {
	var found []Violation
	err := fs.WalkDir(repo, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && foreign(repo, name):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		vs, err := checkFile(repo, name)
		found = append(found, vs...)
		return err
	})
	return found, err
}

// foreign reports folders that are no part of this module: hidden ones, test data, modules of their own.
func foreign(repo fs.FS, dir string) bool {
	if dir == "." {
		return false
	}
	base := path.Base(dir)
	if strings.HasPrefix(base, ".") || base == "testdata" || base == "node_modules" {
		return true
	}
	_, err := fs.Stat(repo, path.Join(dir, "go.mod"))
	return err == nil
}

func checkFile(repo fs.FS, name string) ([]Violation, error) {
	src, err := fs.ReadFile(repo, name)
	if err != nil {
		return nil, err
	}
	f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", name, err)
	}
	return slices.Concat(checkImports(name, f), checkCalls(name, f), checkInitialisers(name, f)), nil
}

func checkImports(name string, f *ast.File) []Violation {
	var found []Violation
	for _, spec := range f.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has accepted it, so this cannot be
		}
		rule, why := importFault(name, imported)
		if why != "" {
			found = append(found, Violation{name, rule, why})
		}
	}
	return found
}

func importFault(name, imported string) (rule, why string) {
	dir := path.Dir(name)
	if own, ok := strings.CutPrefix(imported, Module+"/"); ok {
		return ownFault(name, dir, own)
	}
	for lib, rooms := range thirdParty {
		if within(imported, lib) && !allowed(dir, rooms) {
			return "third-party", fmt.Sprintf("%s belongs to %v alone", lib, rooms)
		}
	}
	return "", ""
}

func ownFault(name, dir, imported string) (rule, why string) {
	if strings.HasSuffix(name, "_test.go") && allowed(imported, testKits) {
		return "", ""
	}
	from, to := roomOf(dir), roomOf(imported)
	switch {
	case from == "" && dir != ".":
		return "ranks", "folder " + dir + " has no rank: add its room to internal/archtest/rules.go"
	case to == "":
		return "ranks", "folder " + imported + " has no rank: add its room to internal/archtest/rules.go"
	case from == "sidecar" && dir != "sidecar" && imported == "sidecar" && !strings.HasSuffix(name, "_test.go"):
		return "ranks", "a leaf of sidecar never imports the composite"
	case allowed(dir, testKits) && (to == "maintenance" || strings.HasPrefix(imported, "services/")):
		return "ranks", "a test kit knows no service: the tests of all of them use it"
	case from == to:
		return "", ""
	case strings.HasPrefix(imported, "services/") && strings.HasPrefix(dir, "services/"):
		return serviceFault(dir, imported)
	case ranks[from] <= ranks[to]:
		return "ranks", fmt.Sprintf("%s (rank %d) may not import %s (rank %d)", from, ranks[from], to, ranks[to])
	}
	if host, ok := hosts[to]; ok && strings.HasPrefix(dir, "services/") && !within(dir, host) {
		return "ranks", to + " is hosted by " + host + " alone"
	}
	return "", ""
}

// serviceFault: a service imports another one only as services/x/api, and an api imports no service.
func serviceFault(dir, imported string) (rule, why string) {
	if path.Base(dir) == "api" {
		return "service", "an api imports no service, but this one imports " + imported
	}
	if path.Base(imported) != "api" || strings.Count(imported, "/") != 2 {
		return "service", "a service imports another one only as services/<name>/api, not " + imported
	}
	return "", ""
}

func checkCalls(name string, f *ast.File) []Violation {
	var found []Violation
	isTest := strings.HasSuffix(name, "_test.go")
	renamed := renamedImports(f)
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		id, ok := sel.X.(*ast.Ident)
		if !ok {
			return true
		}
		call := id.Name + "." + sel.Sel.Name
		if lib, ok := renamed[id.Name]; ok {
			call = lib + "." + sel.Sel.Name
		}
		for _, r := range forbiddenCalls {
			if slices.Contains(r.Selectors, call) && (r.Tests || !isTest) && !allowed(path.Dir(name), r.Allowed) {
				found = append(found, Violation{name, "call", call + ": " + r.Why})
			}
		}
		return true
	})
	return found
}

// roomOf is the longest prefix of dir that has a rank; "" if none.
func roomOf(dir string) string {
	for d := dir; d != "."; d = path.Dir(d) {
		if _, ok := ranks[d]; ok {
			return d
		}
	}
	return ""
}

func allowed(dir string, rooms []string) bool {
	return slices.ContainsFunc(rooms, func(room string) bool {
		if name, ok := strings.CutPrefix(room, "**/"); ok {
			return slices.Contains(strings.Split(dir, "/"), name)
		}
		return within(dir, room)
	})
}

func within(p, prefix string) bool { return p == prefix || strings.HasPrefix(p, prefix+"/") }

// renamedImports are the packages that a file calls by a name of its own.
func renamedImports(f *ast.File) map[string]string {
	renamed := map[string]string{}
	for _, spec := range f.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err == nil && spec.Name != nil {
			renamed[spec.Name.Name] = path.Base(imported)
		}
	}
	return renamed
}
