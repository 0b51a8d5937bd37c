package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// shell runs a line of sh in which $0 is the binary and $1 the state folder, to its end.
func (m *mesh) shell(t testing.TB, line string) (code int, stdout, stderr string) {
	t.Helper()
	name, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p, err := runBinary("/bin/sh", nil, "-c", line, name, m.state)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.finish)
	code = p.code(t, time.Minute)
	return code, p.stdout.String(), p.stderr.String()
}

// attr is an attribute of a line, as JSON.
func (l line) attr(name string) string {
	var all map[string]json.RawMessage
	if json.Unmarshal(l.Attrs, &all) != nil {
		return ""
	}
	return string(all[name])
}

// find is the one line with a message.
func find(t testing.TB, all []line, msg string) line {
	t.Helper()
	i := slices.IndexFunc(all, func(l line) bool { return l.Msg == msg })
	if i < 0 {
		t.Fatalf("no line says %q, of %d: %+v", msg, len(all), all)
	}
	return all[i]
}

// A reader of the command's output that goes away ends neither the command nor its records.
func TestShipOutlivesWhoReadsItsOutput(t *testing.T) {
	t.Parallel()
	m := sharedMesh(t)
	done := filepath.Join(t.TempDir(), "done")
	_, stdout, stderr := m.shell(t, `"$0" ship --state "$1" --service ship-pipe -- sh -c 'for i in 1 2 3 4 5; do echo "line $i"; sleep 0.1; done; echo > `+done+`' | head -n 1`)
	if _, err := os.Stat(done); err != nil || stdout != "line 1\n" {
		t.Errorf("the command came to its end: %v; %q %s", err, stdout, stderr)
	}
	if all := m.lines(t, "service:ship-pipe"); len(all) != 5 {
		t.Errorf("%d lines are in the store: %+v", len(all), all)
	}
}

// Lines of several formats come as records with their time, level, fields and trace; secrets do not.
func TestShipStandardInput(t *testing.T) {
	t.Parallel()
	m := sharedMesh(t)
	now := time.Now().UTC().Add(-time.Minute).Truncate(time.Millisecond)
	text := fmt.Sprintf(`{"time":%q,"level":"warn","msg":"cart is full","cart":17,"password":"hunter2","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7"}
ts=%s level=error msg="no price" cart=18
%s UTC [12] app@shop ERROR:  relation "carts" does not exist
%s ERROR checkout failed
java.lang.IllegalStateException: no price
	at Shop.price(Shop.java:2)
<34>1 %s web-1 su - ID47 - 'su root' failed
no end`, now.Format(time.RFC3339Nano), now.Format(time.RFC3339Nano), now.Format("2006-01-02 15:04:05.000"), now.Format(time.RFC3339Nano), now.Format(time.RFC3339Nano))
	file := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := m.shell(t, `"$0" ship --state "$1" --service ship-stdin --json < `+file)
	var sum struct {
		Records, Waiting int
		Bytes            int64
		Formats          map[string]int
	}
	if err := json.Unmarshal([]byte(stdout), &sum); err != nil || code != 0 || sum.Records != 6 || sum.Waiting != 0 || sum.Bytes != int64(len(text)) || sum.Formats["json"] != 1 {
		t.Fatalf("code %d, %v: %s%s", code, err, stdout, stderr)
	}
	all := m.lines(t, "service:ship-stdin") // the command has ended: the store has them
	if len(all) != 6 {
		t.Fatalf("%d lines: %+v", len(all), all)
	}
	cart := find(t, all, "cart is full")
	if cart.Level != "WARN" || !cart.TS.Equal(now) || cart.attr("cart") != "17" || cart.TraceID != "4bf92f3577b34da6a3ce929d0e0e4736" || strings.Contains(string(cart.Attrs), "hunter2") {
		t.Errorf("%+v", cart)
	}
	if l := find(t, all, "no price"); l.Level != "ERROR" || l.attr("cart") != "18" {
		t.Errorf("%+v", l)
	}
	if l := find(t, all, `relation "carts" does not exist`); l.Level != "ERROR" || l.attr("db_user") != `"app"` {
		t.Errorf("%+v", l)
	}
	if l := find(t, all, "checkout failed"); l.Level != "ERROR" || !strings.Contains(l.attr("stack"), "Shop.java:2") {
		t.Errorf("%+v", l)
	}
	if l := find(t, all, "'su root' failed"); l.attr("host") != `"web-1"` {
		t.Errorf("%+v", l)
	}
	find(t, all, "no end")
	if out := m.tool(t, "logs", "service:ship-stdin", "cart is full"); !strings.Contains(out, "cart is full") {
		t.Errorf("signalbox logs: %s", out)
	}
	if gaps := m.lines(t, "service:ship-stdin trace:4bf92f3577b34da6a3ce929d0e0e4736"); len(gaps) != 1 {
		t.Errorf("%d lines of the trace", len(gaps))
	}
}

// A command's output, exit code and end are its own; signals reach it; a death is a record.
func TestShipCommand(t *testing.T) {
	t.Parallel()
	m := sharedMesh(t)
	code, stdout, stderr := m.shell(t, `echo | "$0" ship --state "$1" --service ship-command -- sh -c 'echo one; echo "error: two" >&2; read x; echo "$x"; exit 3'`)
	if code != 3 || stdout != "one\n\n" || stderr != "error: two\n" {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
	all := m.lines(t, "service:ship-command")
	if l := find(t, all, "one"); l.attr("stream") != `"stdout"` || l.Level != "INFO" {
		t.Errorf("%+v", l)
	}
	if l := find(t, all, "error: two"); l.attr("stream") != `"stderr"` || l.Level != "ERROR" {
		t.Errorf("%+v", l)
	}
	if l := find(t, all, "command has failed"); l.attr("exit_code") != "3" {
		t.Errorf("%+v", l)
	}
	if code, _, _ := m.shell(t, `"$0" ship --state "$1" --service ship-killed -- sh -c 'echo on the way; kill -9 $$'`); code != 137 {
		t.Errorf("killed: code %d, want 137", code)
	}
	if l := find(t, m.awaitLines(t, "service:ship-killed level>=error"), "command was ended by a signal"); l.attr("signal") != `"SIGKILL"` {
		t.Errorf("%+v", l)
	}

	p, err := run(nil, "ship", "--state", m.state, "--service", "ship-signal", "--", "sh", "-c", `trap 'echo asked to stop; exit 7' TERM; echo waiting; while :; do sleep 0.1; done`)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.finish)
	wait.For(t, limit, "the command", func() bool { return strings.Contains(p.stdout.String(), "waiting") })
	p.signal(syscall.SIGTERM)
	if code := p.code(t, limit); code != 7 || !strings.Contains(p.stdout.String(), "asked to stop") {
		t.Errorf("code %d: %s%s", code, p.stdout, p.stderr)
	}
	find(t, m.awaitLines(t, `service:ship-signal "asked to stop"`), "asked to stop")
}

// A followed file is rotated both ways and the shipper killed, again and again, while lines are written: all come, and
// a kill repeats one line at most.
func TestShipFollowsThroughRotationAndKills(t *testing.T) {
	t.Parallel()
	const count, kills = 900, 3
	m := sharedMesh(t)
	path := filepath.Join(t.TempDir(), "app.log")
	ship := func() *program {
		p, err := run(nil, "ship", "--state", m.state, "--service", "ship-file", "--file", path, "--follow")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.finish)
		return p
	}
	p := ship()
	rotated := 0
	for i := 1; i <= count; i++ {
		appendTo(t, path, fmt.Sprintf("%s INFO order %d is placed\n", time.Now().UTC().Format(time.RFC3339Nano), i))
		switch {
		case i%200 == 0:
			rotated++
			rotate(t, path, rotated)
		case i%250 == 0 && i/250 <= kills:
			p.signal(syscall.SIGKILL)
			<-p.done
			p = ship()
		}
		<-time.After(3 * time.Millisecond)
	}
	times := map[int]int{}
	wait.For(t, time.Minute, "all lines", func() bool {
		clear(times)
		for _, l := range m.lines(t, `service:ship-file "is placed"`) {
			n, err := strconv.Atoi(strings.Fields(l.Msg)[1])
			if err != nil {
				t.Fatal(l.Msg)
			}
			times[n]++
		}
		return len(times) >= count
	})
	twice := 0
	for n, c := range times {
		if twice += c - 1; n < 1 || n > count {
			t.Errorf("order %d was never placed", n)
		}
	}
	if twice > kills {
		t.Errorf("%d lines came twice, after %d kills", twice, kills)
	}
	t.Logf("METRIC e2e_ship_repeated_lines=%d limit=%d", twice, kills)
	p.signal(os.Interrupt)
	if code := p.code(t, limit); code != 0 {
		t.Errorf("Ctrl-C: code %d: %s", code, p.stderr)
	}
	if code, _, stderr := command(t, nil, "ship", "--state", m.state, "--service", "ship-file", "--file", path); code != 0 || !strings.Contains(stderr, " 0 records") {
		t.Errorf("read to the end already: code %d, %s", code, stderr)
	}
}

func appendTo(t testing.TB, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// rotate renames, or copies and truncates, in turn.
func rotate(t testing.TB, path string, n int) {
	t.Helper()
	to := path + "." + strconv.Itoa(n)
	if n%2 == 1 {
		if err := os.Rename(path, to); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err == nil {
		err = os.Truncate(path, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A mesh that goes away and comes back on other ports is no reason to stop, nor to lose a line.
func TestShipOutlivesTheMesh(t *testing.T) {
	t.Parallel()
	state := newState(t)
	m := start(t, state, nil, "--bus", "inproc")
	path := filepath.Join(t.TempDir(), "app.log")
	appendTo(t, path, "before\n")
	p, err := run(nil, "ship", "--state", state, "--service", "ship-away", "--file", path, "--follow")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.finish)
	m.awaitLines(t, "service:ship-away before")
	m.finish()
	appendTo(t, path, "meanwhile\n")
	code, _, stderr := command(t, nil, "ship", "--state", state, "--service", "ship-away", "--no-wait", "--file", path+".2")
	if code == 0 {
		t.Errorf("a file that is not there: %s", stderr)
	}
	appendTo(t, path+".2", "left in the spool\n")
	if code, _, stderr = command(t, nil, "ship", "--state", state, "--service", "ship-left", "--no-wait", "--file", path+".2"); code != 0 || !strings.Contains(stderr, "1 record waits") || !strings.Contains(stderr, "no mesh runs") {
		t.Errorf("without a mesh: code %d, %s", code, stderr)
	}
	again := start(t, state, nil, "--bus", "inproc")
	again.awaitLines(t, "service:ship-away meanwhile")
	if code, _, stderr = again.shell(t, `"$0" ship --state "$1" --service ship-left </dev/null`); code != 0 {
		t.Errorf("the rest: code %d, %s", code, stderr)
	}
	again.awaitLines(t, `service:ship-left "left in the spool"`)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	p.signal(os.Interrupt)
	if err := wait.Until(ctx, p.ended); err != nil || p.code(t, limit) != 0 {
		t.Errorf("it ended with %v: %s", p.cmd.ProcessState, p.stderr)
	}
}

// Through the gateway, as for a mesh that is elsewhere: with a token for the service, and not with one for another.
func TestShipThroughTheGateway(t *testing.T) {
	t.Parallel()
	m := sharedMesh(t)
	file := filepath.Join(t.TempDir(), "app.log")
	for i := range 900 {
		appendTo(t, file, fmt.Sprintf("%s INFO order %d is placed\n", time.Now().UTC().Format(time.RFC3339Nano), i))
	}
	token := strings.TrimSpace(m.tool(t, "token", "logs", "--service", "ship-remote"))
	env := []string{"SIGNALBOX_URL=" + m.API, "SIGNALBOX_TOKEN=" + token, "SIGNALBOX_STATE=" + t.TempDir()}
	code, _, stderr := command(t, env, "ship", "--service", "ship-remote", "--file", file)
	if code != 0 || !strings.Contains(stderr, "900 records") {
		t.Fatalf("code %d: %s", code, stderr)
	}
	if all := m.lines(t, "service:ship-remote placed"); len(all) != 900 {
		t.Errorf("%d lines", len(all))
	}
	last := m.lines(t, `service:ship-remote "run has ended"`) // without it, the store would take the silence for a loss
	if len(last) != 1 || last[0].Logger != "ship-remote.logging" {
		t.Errorf("last words: %+v", last)
	}
	p, err := run(env, "ship", "--service", "ship-other", "--file", file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.finish)
	wait.For(t, limit, "what is wrong", func() bool { return strings.Contains(p.stderr.String(), "token logs --service ship-other") })
	p.signal(os.Interrupt)
	if code := p.code(t, limit); code != 1 || !strings.Contains(p.stderr.String(), "901 records wait") {
		t.Errorf("Ctrl-C with the wrong token: code %d, %s", code, p.stderr)
	}
}
