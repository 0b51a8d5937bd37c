package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// harmless are the calls that may stand outside of functions: what they make of constants cannot depend on where they run.
var harmless = []string{"errors.New", "fmt.Errorf", "regexp.MustCompile", "len", "make", "new", "string", "byte", "int", "int64", "float64"}

// checkInitialisers: all services are one binary, so whatever one does before main, all do: what fails there, or panics,
// ends the others too. A service begins in its constructor.
func checkInitialisers(name string, f *ast.File) []Violation {
	if room := roomOf(path.Dir(name)); room != "maintenance" && !strings.HasPrefix(room, "services/") || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".pb.go") {
		return nil
	}
	var found []Violation
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name == "init" {
				found = append(found, initialises(name, "func init"))
			}
		case *ast.GenDecl:
			if d.Tok == token.VAR {
				found = append(found, callsOf(name, d)...)
			}
		}
	}
	return found
}

func callsOf(name string, d *ast.GenDecl) (found []Violation) {
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false // it runs when it is called
		case *ast.CallExpr:
			if call := nameOf(n.Fun); call != "" && !slices.Contains(harmless, call) {
				found = append(found, initialises(name, call))
			}
			if lit, ok := n.Fun.(*ast.FuncLit); ok && lit != nil {
				found = append(found, initialises(name, "a function"))
			}
		}
		return true
	})
	return found
}

func initialises(name, what string) Violation {
	return Violation{name, "initialiser", fmt.Sprintf("%s runs before main, in every service's process: do it in the constructor", what)}
}

// nameOf the called function; "" for a conversion to a type that has none, as []byte.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return nameOf(e.X) + "." + e.Sel.Name
	case *ast.IndexExpr:
		return nameOf(e.X)
	}
	return ""
}
