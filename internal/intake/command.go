package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lingering is how long a command's output is read after its end, when a process that it left behind holds it open.
const lingering = 2 * time.Second

// notStarted is the code that shells have for a command that cannot be run.
const notStarted = 127

// command runs the command to its end, and returns its exit code; 128 and the signal's number when one ended it. Its
// output is passed on before it is looked at, and never waits for the store.
func (j *job) command(ctx context.Context) (int, error) {
	ctx = context.WithoutCancel(ctx)
	c := exec.Command(j.Command[0], j.Command[1:]...)
	c.Stdin, c.WaitDelay = j.Stdin, lingering
	var reading sync.WaitGroup
	out, endOut := j.tee(ctx, &reading, j.Stdout, "stdout")
	errs, endErrs := j.tee(ctx, &reading, j.Stderr, "stderr")
	c.Stdout, c.Stderr = out, errs
	began := time.Now()
	err := c.Start()
	if err == nil {
		ended := make(chan struct{})
		var passing sync.WaitGroup
		passing.Go(func() { j.pass(c.Process, ended) })
		err = c.Wait()
		close(ended)
		passing.Wait()
	}
	endOut()
	endErrs()
	reading.Wait()
	if c.ProcessState == nil {
		return notStarted, fmt.Errorf("run %s: %w", j.Command[0], err)
	}
	if errors.Is(err, exec.ErrWaitDelay) || isExit(err) {
		err = nil
	}
	return j.epitaph(ctx, c, time.Since(began)), err
}

func isExit(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit)
}

// tee passes on what is written to it, and makes records of it until end.
func (j *job) tee(ctx context.Context, reading *sync.WaitGroup, through io.Writer, name string) (w io.Writer, end func()) {
	r, pipe := io.Pipe()
	reading.Go(func() { _ = j.copy(ctx, r, name, nil) }) // a pipe of ours does not fail
	return tee{through: through, records: pipe}, func() { _ = pipe.Close() }
}

// tee goes on when nobody takes what it passes on: a command must not end because a terminal has.
type tee struct {
	through io.Writer
	records *io.PipeWriter
}

func (t tee) Write(p []byte) (int, error) {
	_, _ = t.through.Write(p)
	return t.records.Write(p)
}

// pass gives the signals to the command: it is the only process that gets any from here.
func (j *job) pass(p *os.Process, ended <-chan struct{}) {
	for {
		select {
		case <-ended:
			return
		case s := <-j.Signals:
			if !typed(s) {
				_ = p.Signal(s) // it may have ended just now
			}
		}
	}
}

// typed says whether a signal came from the keyboard: the terminal has given it to the command, too.
func typed(s os.Signal) bool {
	if s != os.Interrupt && s != syscall.SIGQUIT {
		return false
	}
	group, err := unix.IoctlGetInt(int(os.Stdin.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// epitaph makes a record of an end that was not good, and returns the exit code. Arguments may be secrets: they are left
// out.
func (j *job) epitaph(ctx context.Context, c *exec.Cmd, ran time.Duration) int {
	attrs := []slog.Attr{slog.String("command", filepath.Base(c.Path)), slog.Int("pid", c.ProcessState.Pid()), slog.Duration("ran_for", ran.Round(time.Millisecond))}
	status, _ := c.ProcessState.Sys().(syscall.WaitStatus)
	log := j.Sender.Logger()
	switch code := c.ProcessState.ExitCode(); {
	case status.Signaled():
		attrs = append(attrs, slog.String("signal", unix.SignalName(status.Signal())), slog.Bool("core_dumped", status.CoreDump()))
		log.LogAttrs(ctx, slog.LevelError, "command was ended by a signal", attrs...)
		return 128 + int(status.Signal())
	case code != 0:
		log.LogAttrs(ctx, slog.LevelWarn, "command has failed", append(attrs, slog.Int("exit_code", code))...)
		return code
	}
	return 0
}
