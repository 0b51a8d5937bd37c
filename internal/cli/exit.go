package cli

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// exitCode ends the program with a code of its own; what there was to say is said.
type exitCode int

// Error implements error.
func (e exitCode) Error() string { return "exit code " + strconv.Itoa(int(e)) }

// isTerminal: somebody looks at it.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	return err == nil
}
