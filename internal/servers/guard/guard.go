package guard

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Maybe turns this process into a guard when it was started as one, and never returns then. It is the
// first line of every main, before anything is opened.
func Maybe() {
	if os.Getenv(variable) == "" {
		return
	}
	// Pdeathsig follows the thread that forked, so this one must live as long as the guard does.
	runtime.LockOSThread()
	os.Exit(run(os.NewFile(3, "orders"), os.NewFile(4, "reports")))
}

// run is the life of a guard.
func run(orders, reports *os.File) int {
	deaf()
	syscall.CloseOnExec(3)
	syscall.CloseOnExec(4)
	if err := adopt(); err != nil {
		return refuse(reports, err)
	}
	decoder := json.NewDecoder(orders)
	var o order
	if err := decoder.Decode(&o); err != nil {
		return 1 // the program died before it said what to run
	}
	requests := make(chan request)
	go receive(decoder, requests)
	if o.Path == "" {
		return keep(o, requests, reports)
	}
	if err := lock(o, requests); err != nil {
		return refuse(reports, err)
	}
	child, output, err := spawn(o)
	if err != nil {
		return refuse(reports, err)
	}
	tell(reports, report{PID: child.Pid})
	orphaned, state := supervise(o, child, requests)
	sweep(child.Pid)
	drain(output)
	if orphaned {
		remove(o.Remove)
	}
	tell(reports, report{Ended: true, State: state})
	return 0
}

// deaf makes the terminal's and the pipes' signals harmless here without passing that on: unlike an
// ignored signal, one that is caught is back to its default in the server.
func deaf() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE,
		syscall.SIGTSTP, syscall.SIGTTOU, syscall.SIGTTIN)
}

func refuse(reports io.Writer, err error) int {
	tell(reports, report{Error: err.Error(), Locked: errors.Is(err, ErrLocked)})
	return 1
}

// tell reports to the program; if that is dead, there is nobody to tell.
func tell(reports io.Writer, r report) { _ = json.NewEncoder(reports).Encode(r) }

// spawn starts the server. Its output goes through the guard, so that a server whose program has died
// can still write while it shuts down.
func spawn(o order) (*os.Process, *sync.WaitGroup, error) {
	stdout, outCopy, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	stderr, errCopy, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Cmd{
		Path: o.Path, Args: append([]string{o.Path}, o.Args...), Env: o.Env, Dir: o.Dir,
		Stdout: outCopy, Stderr: errCopy, SysProcAttr: attributes(o),
	}
	err = cmd.Start()
	_ = outCopy.Close()
	_ = errCopy.Close()
	if err != nil {
		return nil, nil, err
	}
	var output sync.WaitGroup
	output.Go(func() { pump(os.Stdout, stdout) })
	output.Go(func() { pump(os.Stderr, stderr) })
	return cmd.Process, &output, nil
}

// pump copies until the server's end; where the program no longer reads, it goes on discarding.
func pump(to io.Writer, from io.Reader) {
	if _, err := io.Copy(to, from); err != nil {
		_, _ = io.Copy(io.Discard, from)
	}
}

// supervise passes requests on until the server has ended. orphaned: the program died before that.
func supervise(o order, child *os.Process, requests <-chan request) (orphaned bool, state string) {
	ended := make(chan string, 1)
	go func() { ended <- await(child) }()
	var deadline <-chan time.Time
	for {
		select {
		case state = <-ended:
			return orphaned, state
		case <-deadline:
			_ = child.Kill()
		case r, alive := <-requests:
			if !alive {
				orphaned, requests = true, nil
				r = request{Stop: !o.Disposable, Kill: o.Disposable}
			}
			if r.Stop && deadline == nil {
				deadline = time.After(o.Grace)
			}
			obey(o, child, r)
		}
	}
}

func obey(o order, child *os.Process, r request) {
	switch {
	case r.Kill:
		_ = child.Kill()
	case r.Stop:
		_ = child.Signal(o.StopSignal)
	case r.Signal != 0:
		_ = child.Signal(r.Signal)
	}
}

func receive(decoder *json.Decoder, requests chan<- request) {
	defer close(requests)
	for {
		var r request
		if decoder.Decode(&r) != nil {
			return
		}
		requests <- r
	}
}

func await(child *os.Process) string {
	state, err := child.Wait()
	switch {
	case err != nil:
		return fmt.Sprintf("wait: %v", err)
	case state.Success():
		return ""
	default:
		return state.String()
	}
}

// drain waits for the last lines; a stranger that holds the pipe may not keep the guard.
func drain(output *sync.WaitGroup) {
	done := make(chan struct{})
	go func() { output.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Second):
	}
}

// keep is the life of a guard without a server: it holds folders for a program.
func keep(o order, requests <-chan request, reports io.Writer) int {
	tell(reports, report{PID: os.Getpid()})
	if _, alive := <-requests; !alive {
		remove(o.Remove)
	}
	tell(reports, report{Ended: true})
	return 0
}

// remove deletes folders in which servers that other guards are killing may still write.
func remove(dirs []string) {
	deadline := time.Now().Add(4 * time.Second)
	for len(dirs) > 0 && time.Now().Before(deadline) {
		var left []string
		for _, dir := range dirs {
			if !filepath.IsAbs(dir) {
				continue
			}
			if os.RemoveAll(dir) != nil {
				left = append(left, dir)
			}
		}
		if dirs = left; len(dirs) > 0 {
			<-time.After(20 * time.Millisecond)
		}
	}
}
