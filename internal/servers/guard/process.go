package guard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrEnded answers a request to a server that is no more.
var ErrEnded = errors.New("process has ended")

// Process is a server under guard; nil is one that was never started, and has ended in all that it is asked. Safe for
// concurrent use.
type Process struct {
	pid     int
	cmd     *exec.Cmd
	done    chan struct{}
	err     error // set before done closes
	writing sync.Mutex
	control *os.File
}

// Start runs the command under a guard of its own and returns once the server's process exists
// (not: is ready). ctx bounds the start only.
func Start(ctx context.Context, c Command) (*Process, error) {
	name := c.Name
	if name == "" {
		name = filepath.Base(c.Path)
	}
	p, reports, err := launch(c, name)
	if err != nil {
		return nil, fmt.Errorf("start guard of %s: %w", name, err)
	}
	first := make(chan report, 1)
	go p.follow(reports, first)
	if err := p.send(c.order()); err != nil {
		p.abandon()
		return nil, fmt.Errorf("give guard of %s its order: %w", name, err)
	}
	select {
	case r, ok := <-first:
		if !ok || r.Error != "" {
			p.abandon()
			return nil, fmt.Errorf("start %s: %w", name, refusal(r))
		}
		p.pid = r.PID
		return p, nil
	case <-ctx.Done():
		p.abandon()
		return nil, fmt.Errorf("start %s: %w", name, ctx.Err())
	}
}

// launch starts the guard process itself, with its two pipes as descriptors 3 and 4.
func launch(c Command, name string) (*Process, *os.File, error) {
	self, err := executable()
	if err != nil {
		return nil, nil, err
	}
	orders, control, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	reports, reporting, err := os.Pipe()
	if err != nil {
		return nil, nil, errors.Join(err, orders.Close(), control.Close())
	}
	cmd := &exec.Cmd{
		Path:        self,
		Args:        []string{"signalbox-guard", name},
		Env:         []string{variable + "=1", "GOMAXPROCS=2", "PATH=" + os.Getenv("PATH")},
		Stdout:      plain(c.Stdout),
		Stderr:      plain(c.Stderr),
		ExtraFiles:  []*os.File{orders, reporting},
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
		WaitDelay:   time.Second,
	}
	err = errors.Join(cmd.Start(), orders.Close(), reporting.Close())
	if err != nil {
		return nil, nil, errors.Join(err, control.Close(), reports.Close())
	}
	return &Process{cmd: cmd, control: control, done: make(chan struct{})}, reports, nil
}

// plain hides that a writer is a file: the guard would inherit it, and whoever waits for the end of
// that file (go test for its output) would wait for the guard.
func plain(w io.Writer) io.Writer {
	if w == nil {
		return nil
	}
	return struct{ io.Writer }{w}
}

// follow reads the guard's reports to their end, which is the end of the guard.
func (p *Process) follow(reports *os.File, first chan<- report) {
	decoder := json.NewDecoder(reports)
	var r report
	if decoder.Decode(&r) == nil {
		first <- r
	}
	close(first)
	var last report
	err := decoder.Decode(&last)
	// The guard's own exit status says nothing: what counts is what it reported.
	waited := p.cmd.Wait()
	switch {
	case err != nil:
		p.err = fmt.Errorf("guard was killed: %w", errors.Join(waited, err))
	case last.State != "":
		p.err = errors.New(last.State)
	}
	_ = reports.Close()
	p.writing.Lock()
	_ = p.control.Close()
	p.writing.Unlock()
	close(p.done)
}

// abandon ends a guard whose server never came to be; closing the pipe is the sign.
func (p *Process) abandon() {
	p.writing.Lock()
	_ = p.control.Close()
	p.writing.Unlock()
	<-p.done
}

// PID is the server's own process id, not the guard's.
func (p *Process) PID() int { return p.pid }

// Done closes when the server and everything that descends from it have ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the server ended; nil before Done closed, and after exit status 0.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Signal passes a signal to the server; ErrEnded if it is no more. The guard, its parent, sends it, so
// it can never reach a stranger that was given the same process id.
func (p *Process) Signal(sig syscall.Signal) error { return p.send(request{Signal: sig}) }

// Kill is kill -9 of the server; it returns when the server and its descendants have ended.
func (p *Process) Kill() error {
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return nil
}

// Stop asks the server to end, waits its grace, kills what is left, and returns when all is gone.
// When ctx ends first everything is killed at once. A server that has ended already is no error.
func (p *Process) Stop(ctx context.Context) error {
	if !p.Running() {
		return nil
	}
	if err := p.send(request{Stop: true}); err != nil && !errors.Is(err, ErrEnded) {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
	}
	if err := p.send(request{Kill: true}); err != nil && !errors.Is(err, ErrEnded) {
		return err
	}
	<-p.done
	return nil
}

func (p *Process) send(message any) error {
	if p == nil {
		return ErrEnded
	}
	p.writing.Lock()
	defer p.writing.Unlock()
	err := json.NewEncoder(p.control).Encode(message)
	if errors.Is(err, os.ErrClosed) || errors.Is(err, syscall.EPIPE) {
		return ErrEnded
	}
	return err
}

// refusal is the guard's error as the program's.
func refusal(r report) error {
	switch {
	case r.Locked:
		return fmt.Errorf("%s%w", strings.TrimSuffix(r.Error, ErrLocked.Error()), ErrLocked)
	case r.Error == "":
		return errors.New("its guard ended")
	default:
		return errors.New(r.Error)
	}
}
