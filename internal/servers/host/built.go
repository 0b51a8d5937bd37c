package host

import (
	"cmp"
	"go/version"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Built is the newest program of that name which make has built, once for all checkouts of this machine; "" where there is none.
func Built(name string) string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	built, _ := filepath.Glob(filepath.Join(cache, "signalbox", "bin", name+"-v*[0-9a-z]"))
	built = slices.DeleteFunc(built, func(path string) bool { return filepath.Ext(path) == ".new" })
	if len(built) == 0 {
		return ""
	}
	return slices.MaxFunc(built, byVersion)
}

// byVersion orders what make has built, like jaeger-v1.65.0-go1.26.8-linux-amd64: by the program's version, then by Go's.
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
