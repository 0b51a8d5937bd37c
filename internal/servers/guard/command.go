package guard

import (
	"io"
	"os"
	"strings"
	"syscall"
	"time"
)

// variable turns this executable into a guard.
const variable = "SIGNALBOX_GUARD"

// Command is what a guard runs.
type Command struct {
	Name string   // shown by ps; "": the base of Path
	Path string   // absolute; "": no server, the guard only keeps Remove (see Keep)
	Args []string // without the program's name
	Env  []string // nil: the program's own
	Dir  string   // working folder

	Credential *Credential    // nil: the program's own user
	StopSignal syscall.Signal // asks the server to end; 0: SIGTERM
	Grace      time.Duration  // from the stop signal to SIGKILL; 0: 10 s

	// Lock names a file, made if missing, that the guard holds locked for as long as the server lives. A
	// program that starts right after another one was killed waits in Start, up to LockWait, for the first
	// one's guard to finish; then ErrLocked. "": no lock. LockWait 0: 15 s.
	Lock     string
	LockWait time.Duration

	// Disposable servers are killed at once when the program dies: nobody will read what they hold.
	Disposable bool
	// Remove lists folders to delete when the program died, after the server has ended.
	Remove []string

	Stdout, Stderr io.Writer // nil: discarded. Written to by one goroutine each
}

// Credential is the user that a server runs as.
type Credential struct{ UID, GID uint32 }

// order is a Command as it travels to the guard.
type order struct {
	Name       string         `json:"name"`
	Path       string         `json:"path"`
	Args       []string       `json:"args"`
	Env        []string       `json:"env"`
	Dir        string         `json:"dir"`
	Credential *Credential    `json:"credential"`
	StopSignal syscall.Signal `json:"stop_signal"`
	Grace      time.Duration  `json:"grace"`
	Disposable bool           `json:"disposable"`
	Remove     []string       `json:"remove"`
	Lock       string         `json:"lock"`
	LockWait   time.Duration  `json:"lock_wait"`
}

func (c Command) order() order {
	o := order{
		Name: c.Name, Path: c.Path, Args: c.Args, Env: c.Env, Dir: c.Dir, Credential: c.Credential,
		StopSignal: c.StopSignal, Grace: c.Grace, Disposable: c.Disposable, Remove: c.Remove,
		Lock: c.Lock, LockWait: c.LockWait,
	}
	if o.Env == nil {
		o.Env = environ()
	}
	if o.StopSignal == 0 {
		o.StopSignal = syscall.SIGTERM
	}
	if o.Grace == 0 {
		o.Grace = 10 * time.Second
	}
	if o.LockWait == 0 {
		o.LockWait = 15 * time.Second
	}
	return o
}

// environ is the program's environment without what makes a guard.
func environ() []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, variable+"=") {
			env = append(env, kv)
		}
	}
	return env
}

// request is what the program tells its guard after the order.
type request struct {
	Signal syscall.Signal `json:"signal,omitempty"` // pass it to the server
	Stop   bool           `json:"stop,omitempty"`   // orderly, within the grace
	Kill   bool           `json:"kill,omitempty"`   // everything, now
}

// report is what the guard tells the program: first PID or Error, at the end Ended.
type report struct {
	PID    int    `json:"pid,omitempty"`
	Error  string `json:"error,omitempty"`
	Locked bool   `json:"locked,omitempty"` // Error is ErrLocked's
	Ended  bool   `json:"ended,omitempty"`
	State  string `json:"state,omitempty"` // "exit status 1", "signal: killed"; "" for success
}
