package rabbitmq

import (
	"errors"
	"os/exec"
	"path/filepath"
	"runtime"
)

// ErrNotFound says how to install what is missing.
var ErrNotFound = errors.New("RabbitMQ binaries not found; install with: " + install())

func install() string {
	if runtime.GOOS == "darwin" {
		return "brew install rabbitmq"
	}
	return "sudo apt-get install rabbitmq-server"
}

// patterns are where packages put the server's own scripts. Debian's wrapper on the PATH is no use: it
// refuses every user but root and rabbitmq.
var patterns = []string{
	"/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin",
	"/usr/lib/rabbitmq/bin",
	"/opt/homebrew/opt/rabbitmq/sbin",
	"/usr/local/opt/rabbitmq/sbin",
	"/opt/rabbitmq/sbin",
}

// programs are what a node is run with.
type programs struct {
	server string // the script that becomes the node
	ctl    string // rabbitmqctl beside it
	epmd   string // Erlang's port mapper
	call   string // erl_call, which is a hundred times quicker than ctl; "": not installed
}

// Installed reports whether Start could find its binaries; the error is ErrNotFound.
func Installed() error {
	_, err := find()
	return err
}

func find() (programs, error) {
	epmd, err := exec.LookPath("epmd")
	if err != nil {
		return programs{}, ErrNotFound
	}
	for _, pattern := range patterns {
		dirs, _ := filepath.Glob(pattern) // the patterns are well formed
		for i := len(dirs) - 1; i >= 0; i-- {
			p := programs{
				server: filepath.Join(dirs[i], "rabbitmq-server"), ctl: filepath.Join(dirs[i], "rabbitmqctl"),
				epmd: epmd, call: erlCall(epmd),
			}
			if executable(p.server) && executable(p.ctl) {
				return p, nil
			}
		}
	}
	return programs{}, ErrNotFound
}

// erlCall looks in the Erlang installation that epmd belongs to.
func erlCall(epmd string) string {
	target, err := filepath.EvalSymlinks(epmd)
	if err != nil {
		return ""
	}
	erts := filepath.Dir(filepath.Dir(target))
	for _, pattern := range []string{
		filepath.Join(erts, "bin", "erl_call"),
		filepath.Join(filepath.Dir(erts), "lib", "erl_interface-*", "bin", "erl_call"),
	} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 && executable(found[len(found)-1]) {
			return found[len(found)-1]
		}
	}
	return ""
}

func executable(path string) bool {
	_, err := exec.LookPath(path)
	return err == nil
}
