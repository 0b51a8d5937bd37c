package jaeger

import (
	"cmp"
	"errors"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNotFound says how to come by what is missing.
var ErrNotFound = errors.New("there is no Jaeger here; build it, once for this machine, with: make jaeger")

func find() (string, error) {
	if cache, err := os.UserCacheDir(); err == nil {
		built, _ := filepath.Glob(filepath.Join(cache, "signalbox", "bin", "jaeger-v*[0-9a-z]"))
		built = slices.DeleteFunc(built, func(path string) bool { return filepath.Ext(path) == ".new" })
		if len(built) > 0 {
			return slices.MaxFunc(built, byVersion), nil
		}
	}
	if path, err := exec.LookPath("jaeger-all-in-one"); err == nil {
		return path, nil
	}
	return "", ErrNotFound
}

// byVersion orders what `make jaeger` has built, like jaeger-v1.65.0-go1.26.8-linux-amd64: by Jaeger's version, then by Go's.
func byVersion(a, b string) int {
	return cmp.Or(version.Compare(part(a, 1), part(b, 1)), version.Compare(part(a, 2), part(b, 2)), strings.Compare(a, b))
}

// part of a program's name that is a version, written as Go writes its own; "" where there is none.
func part(path string, n int) string {
	parts := strings.Split(filepath.Base(path), "-")
	if n >= len(parts) {
		return ""
	}
	return "go" + strings.TrimPrefix(strings.TrimPrefix(parts[n], "v"), "go")
}
