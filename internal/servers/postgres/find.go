package postgres

import (
	"errors"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
)

// ErrNotFound says how to install what is missing.
var ErrNotFound = errors.New("PostgreSQL binaries not found; install with: " + install())

func install() string {
	if runtime.GOOS == "darwin" {
		return "brew install postgresql"
	}
	return "sudo apt-get install postgresql"
}

// patterns are where packages put the server's programs, which are seldom on the PATH.
var patterns = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/opt/homebrew/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql@*/bin",
	"/opt/homebrew/opt/postgresql/bin",
}

// Find is the folder of the newest installed server binaries; a server on the PATH wins.
func Find() (string, error) {
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil && complete(filepath.Dir(path)) {
			return filepath.Dir(path), nil
		}
	}
	for _, pattern := range patterns {
		dirs, _ := filepath.Glob(pattern) // the patterns are well formed
		slices.SortFunc(dirs, func(a, b string) int { return version(b) - version(a) })
		for _, dir := range dirs {
			if complete(dir) {
				return dir, nil
			}
		}
	}
	return "", ErrNotFound
}

func complete(dir string) bool {
	for _, name := range []string{"postgres", "initdb", "pg_controldata"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// version is the first number in a path; 0 if there is none.
func version(path string) int {
	start := slices.IndexFunc([]byte(path), digit)
	if start < 0 {
		return 0
	}
	end := start
	for end < len(path) && digit(path[end]) {
		end++
	}
	n, _ := strconv.Atoi(path[start:end]) // digits only
	return n
}

func digit(b byte) bool { return b >= '0' && b <= '9' }
