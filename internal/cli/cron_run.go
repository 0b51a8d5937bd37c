package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/client"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// Bounds of a command.
const (
	cronGrace    = 5 * time.Second // between SIGTERM and SIGKILL
	cronLook     = 2 * time.Second // how often the mesh is asked whether the fire is still wanted
	cronLinger   = 2 * time.Second // for output that a process left behind holds open
	cronGoodbye  = 10 * time.Second
	cronText     = 2000 // characters of a result and of an error
	cronKept     = 16 << 10
	cronNotFound = 127 // as shells have it
)

var errInterrupted = errors.New("interrupted: the program that ran it was stopped")

// handle runs the command for a fire and reports. The error is of the report; the code is the command's.
func (w *cronWorker) handle(ctx context.Context, f timed.Fire) (code int, err error) {
	began := time.Now()
	receipt := api.Receipt{Instance: w.Instance, Attempt: max(f.Attempt, 1), StartedAt: &began}
	run, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	defer context.AfterFunc(ctx, func() { stop(errInterrupted) })()
	bounded, release := context.WithTimeoutCause(run, cronDeadline(f), timed.ErrDeadline)
	defer release()
	looking := w.look(bounded, f, receipt, stop)
	code, out, problem := w.command(bounded, f)
	cause := context.Cause(bounded)
	stop(nil)
	<-looking
	receipt.DurationMS = time.Since(began).Milliseconds()
	judge(&receipt, code, out, problem, cause)
	if receipt.Kind == "failed" {
		w.say("%s failed: %s", f.ID, oneLine(errors.New(printable(receipt.Error))))
	}
	return code, w.report(ctx, f, receipt)
}

func cronDeadline(f timed.Fire) time.Duration {
	if f.Deadline <= 0 {
		return timed.DefaultDeadline
	}
	return f.Deadline
}

// judge makes the receipt of a command's end. cause is what ended it before its own end, if anything did.
func judge(r *api.Receipt, code int, out outputs, problem, cause error) {
	r.Kind = "failed"
	switch {
	case code == exitOK && problem == nil:
		r.Kind, r.Result = "completed", lastLine(out.stdout.text())
	case errors.Is(cause, timed.ErrDeadline):
		r.Error = timed.ErrorDeadline
	case errors.Is(cause, timed.ErrCancelled):
		r.Error, r.Final = timed.ErrorCancelled, true
	case errors.Is(cause, errInterrupted):
		r.Error = errInterrupted.Error()
	case problem != nil:
		r.Error = lastRunes(problem.Error(), cronText)
	default:
		head := "exit code " + strconv.Itoa(code)
		if text := strings.TrimSpace(out.stderr.text()); text != "" {
			head += ": "
			r.Error = head + lastRunes(text, cronText-len(head))
			return
		}
		r.Error = head
	}
}

// outputs are the ends of what a command wrote.
type outputs struct{ stdout, stderr *tail }

// command runs the command in a process group of its own, which is ended with ctx.
func (w *cronWorker) command(ctx context.Context, f timed.Fire) (code int, out outputs, err error) {
	out = outputs{&tail{}, &tail{}}
	c := exec.Command(w.Command[0], w.Command[1:]...)
	c.Env = append(append([]string{}, w.p.Environ...), "SIGNALBOX_FIRE_ID="+f.ID, "SIGNALBOX_FIRE_SCHEDULE="+f.Schedule,
		"SIGNALBOX_FIRE_DUE="+f.Due.UTC().Format(time.RFC3339), "SIGNALBOX_FIRE_ATTEMPT="+strconv.Itoa(max(f.Attempt, 1)))
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(f.Payload), io.MultiWriter(out.stdout, deafTo{w.p.Stdout}), io.MultiWriter(out.stderr, deafTo{w.p.Stderr})
	c.WaitDelay, c.SysProcAttr = cronLinger, &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		return cronNotFound, out, fmt.Errorf("run %s: %w", w.Command[0], err)
	}
	ended := make(chan struct{})
	ending := make(chan struct{})
	go func() { defer close(ending); endGroup(ctx, c.Process.Pid, ended) }()
	_ = c.Wait() // the state says how it ended; that output was left over is no failure
	close(ended)
	<-ending
	if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), out, nil
	}
	return c.ProcessState.ExitCode(), out, nil
}

// endGroup ends the process group when ctx does: in good order, and by force where that takes too long.
func endGroup(ctx context.Context, group int, ended <-chan struct{}) {
	select {
	case <-ended:
		return
	case <-ctx.Done():
	}
	_ = syscall.Kill(-group, syscall.SIGTERM) // it may have ended just now
	select {
	case <-ended:
	case <-time.After(cronGrace):
	}
	_ = syscall.Kill(-group, syscall.SIGKILL) // also what outlived the command
}

// look tells the mesh now and then that the fire is at work; the answer tells whether it still is to be.
func (w *cronWorker) look(ctx context.Context, f timed.Fire, receipt api.Receipt, stop context.CancelCauseFunc) (done <-chan struct{}) {
	receipt.Kind = "received"
	over := make(chan struct{})
	go func() {
		defer close(over)
		for pauseFor(ctx, cronLook) == nil {
			var settled api.Settled
			err := w.mesh.Do(ctx, http.MethodPost, receiptPath(f), nil, receipt, &settled)
			if err == nil && unwanted(settled.Fire, receipt.Attempt) {
				stop(timed.ErrCancelled)
				return
			}
		}
	}()
	return over
}

// unwanted says that the fire has ended otherwise, or that a later attempt has begun. One that counted as done when it was
// received goes on.
func unwanted(f api.Fire, attempt int) bool {
	return f.EndedAt != nil && f.State != api.Done || f.Attempt > attempt
}

// report tells how the fire ended, for as long as it takes; when this program is to end, not for long.
func (w *cronWorker) report(ctx context.Context, f timed.Fire, receipt api.Receipt) error {
	patient, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		_ = pauseFor(patient, cronGoodbye)
		cancel()
	})()
	err := w.again(patient, func() error { return w.mesh.Do(patient, http.MethodPost, receiptPath(f), nil, receipt, nil) })
	var refused *client.Problem
	switch {
	case errors.As(err, &refused) && refused.Status != http.StatusUnauthorized && refused.Status != http.StatusForbidden:
		w.say("%s of %s is not taken: %s", receipt.Kind, f.ID, oneLine(err))
		return nil
	case err != nil:
		return fmt.Errorf("report %s of %s: %w", receipt.Kind, f.ID, err)
	}
	return nil
}

func receiptPath(f timed.Fire) string {
	return "/api/scheduler/v1/fires/" + url.PathEscape(f.ID) + "/receipt"
}

// deafTo goes on when nobody takes what is passed on: a command must not end because a terminal has.
type deafTo struct{ io.Writer }

// Write implements io.Writer.
func (d deafTo) Write(p []byte) (int, error) {
	_, _ = d.Writer.Write(p)
	return len(p), nil
}

// tail keeps the end of what is written to it.
type tail struct{ kept []byte }

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p[max(0, len(p)-cronKept):]...)
	if len(t.kept) > 2*cronKept {
		t.kept = append([]byte(nil), t.kept[len(t.kept)-cronKept:]...)
	}
	return len(p), nil
}

func (t *tail) text() string {
	return strings.ReplaceAll(strings.ToValidUTF8(string(t.kept), "\uFFFD"), "\x00", "\uFFFD")
}

// lastLine that is not empty.
func lastLine(text string) string {
	text = strings.TrimRight(text, " \t\r\n")
	text = strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:])
	if r := []rune(text); len(r) > cronText {
		return string(r[:cronText])
	}
	return text
}

func lastRunes(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[len(r)-n:])
	}
	return s
}
