package consumers

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// A command runs for each fire: what it is told, what it says and how it ends are in the ledger.
func TestCronRunsACommand(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	dir := t.TempDir()
	script := `cat > "$1/payload"; echo "$SIGNALBOX_FIRE_ID $SIGNALBOX_FIRE_SCHEDULE $SIGNALBOX_FIRE_DUE" > "$1/env"
		echo starting; if [ "$SIGNALBOX_FIRE_ATTEMPT" = 1 ]; then echo "no disk" >&2; exit 3; fi; echo "closed 3 accounts"; echo`
	p := m.cron(m.addr, yearly("shop.nightly", "--attempts", "2", "--payload", `{"days":30}`, "--", "sh", "-c", script, "sh", dir)...)
	p.waits()
	var s api.Schedule
	if m.call("GET", "/schedules/shop.nightly", nil, &s); s.Target != timed.TargetPoll || s.Overlap != timed.OverlapSkip || s.Cron != "0 2 1 1 *" || s.Attempts != 2 {
		t.Errorf("%+v", s)
	}
	id := m.run("shop.nightly")
	f := m.fire(id, "the end", func(f api.Fire) bool { return f.EndedAt != nil })
	if f.State != api.Done || f.Attempt != 2 || f.Result != "closed 3 accounts" || f.Instance == "" || f.StartedAt == nil || f.DurationMS == nil {
		t.Errorf("%+v", f)
	}
	payload, _ := os.ReadFile(filepath.Join(dir, "payload"))
	environ, _ := os.ReadFile(filepath.Join(dir, "env"))
	if string(payload) != `{"days":30}` || !strings.HasPrefix(string(environ), id+" shop.nightly "+f.Due.Format("2006-01-02T15:04:05Z")) {
		t.Errorf("payload %s, environment %s", payload, environ)
	}
	if out := p.text(&p.stdout); out != "starting\nstarting\nclosed 3 accounts\n\n" || !strings.Contains(p.text(&p.stderr), "no disk\n") || !strings.Contains(p.text(&p.stderr), "exit code 3: no disk") {
		t.Errorf("stdout %q, stderr %q", out, p.text(&p.stderr))
	}
	if p.end(); p.ended() != 0 {
		t.Errorf("ends with %d", p.ended())
	}
}

// What counts as done when a command has begun is not ended for that.
func TestCronLetsWhatIsDoneRunOn(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	spec := api.Spec{Cron: "0 2 1 1 *", Target: timed.TargetPoll, DoneWhen: timed.DoneReceived}
	if code := m.call("PUT", "/schedules/shop.begun", api.Put{Spec: spec}, nil); code >= 300 {
		t.Fatal(code)
	}
	p := m.cron(m.addr, "shop.begun", "--once", "--", "sh", "-c", "sleep 5; echo ran on")
	p.waits()
	id := m.run("shop.begun")
	m.fire(id, "done", func(f api.Fire) bool { return f.State == api.Done })
	if code := p.ended(); code != 0 || p.text(&p.stdout) != "ran on\n" {
		t.Errorf("%d, %q, %s", code, p.text(&p.stdout), p.text(&p.stderr))
	}
}

// A command that takes too long, or is not wanted any more, is ended with all that it has started.
func TestCronEndsACommand(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	for _, c := range []struct {
		name, deadline, trap string
		reason               api.Reason
	}{
		{"shop.deadline", "1s", "", api.ReasonDeadline},
		{"shop.cancelled", "1h", "", api.ReasonCancelled},
		{"shop.stubborn", "1s", "trap '' TERM; ", api.ReasonDeadline},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pids := filepath.Join(t.TempDir(), "pids")
			script := c.trap + `sleep 1000 & echo $! $$ > "$1.new"; mv "$1.new" "$1"; wait; wait; sleep 1000`
			p := m.cron(m.addr, yearly(c.name, "--attempts", "1", "--deadline", c.deadline, "--", "sh", "-c", script, "sh", pids)...)
			p.waits()
			id := m.run(c.name)
			wait.For(t, limit, "the command", func() bool { _, err := os.Stat(pids); return err == nil })
			if c.reason == api.ReasonCancelled {
				if code := m.call("POST", "/fires/"+url.PathEscape(id)+"/cancel", api.Cancel{Note: "not now"}, nil); code >= 300 {
					t.Fatal(code)
				}
			}
			if f := m.fire(id, "the end", func(f api.Fire) bool { return f.EndedAt != nil }); f.State != api.Failed || f.Reason != c.reason {
				t.Errorf("%+v", f)
			}
			text, _ := os.ReadFile(pids)
			for _, pid := range strings.Fields(string(text)) {
				n, _ := strconv.Atoi(pid)
				wait.For(t, limit, "the end of process "+pid, func() bool { return n > 0 && syscall.Kill(n, 0) != nil })
			}
		})
	}
}

// When the program is ended, its command is too, and another program gets the fire.
func TestAnotherCronTakesOver(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	args := yearly("shop.nightly", "--attempts", "2", "--deadline", "1h", "--", "sh", "-c", `if [ "$SIGNALBOX_FIRE_ATTEMPT" = 1 ]; then sleep 1000; fi; echo done`)
	first := m.cron(m.addr, append([]string{"--instance", "first"}, args...)...)
	first.waits()
	id := m.run("shop.nightly")
	m.fire(id, "it is at work", func(f api.Fire) bool { return f.State == api.Received && f.Instance == "first" })
	second := m.cron(m.addr, append([]string{"--instance", "second", "--once"}, args...)...)
	second.waits()
	first.end()
	if code := first.ended(); code != 0 {
		t.Errorf("the first ends with %d: %s", code, first.text(&first.stderr))
	}
	f := m.fire(id, "the end", func(f api.Fire) bool { return f.EndedAt != nil })
	if f.State != api.Done || f.Instance != "second" || f.Attempt != 2 || f.Result != "done" {
		t.Errorf("%+v", f)
	}
	if code := second.ended(); code != 0 {
		t.Errorf("the second ends with %d: %s", code, second.text(&second.stderr))
	}
}

// A schedule that is there is taken as it is; what differs is changed with --update alone, and what there is not needs a time.
func TestCronAndTheScheduleThatIsThere(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"shop.none", "--", "true"}, 2, "there is no schedule shop.none"},
		{[]string{"shop.a", "--every", "1h"}, 2, ""},
		{[]string{"shop.a", "--every", "1h", "--cron", "* * * * *", "--", "true"}, 2, ""},
		{[]string{"Shop", "--every", "1h", "--", "true"}, 2, ""},
	} {
		p := m.cron(m.addr, append([]string{"--once"}, c.args...)...)
		if code := p.ended(); code != c.code || !strings.Contains(p.text(&p.stderr), c.says) {
			t.Errorf("%v: %d, %s", c.args, code, p.text(&p.stderr))
		}
	}
	p := m.cron(m.addr, "shop.a", "--every", "24h", "--once", "--attempts", "1", "--", "sh", "-c", "exit 7")
	p.waits()
	m.run("shop.a")
	if code := p.ended(); code != 7 {
		t.Errorf("--once ends with %d", code)
	}
	if p = m.cron(m.addr, "shop.a", "--every", "12h", "--once", "--", "true"); p.ended() != 2 || !strings.Contains(p.text(&p.stderr), "differs in every_seconds; --update") {
		t.Errorf("%d, %s", p.ended(), p.text(&p.stderr))
	}
	p = m.cron(m.addr, "shop.a", "--every", "12h", "--update", "--", "true")
	p.waits()
	var s api.Schedule
	if m.call("GET", "/schedules/shop.a", nil, &s); s.EverySecs != 12*3600 || s.Attempts != 1 {
		t.Errorf("%+v", s)
	}
	m.cron(m.addr, "shop.a", "--", "true").waits()
}

// Programs that begin together make one schedule: who has found none, and then comes second, takes the first one's.
func TestCronsThatBeginTogether(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	looked, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	at := m.front(func(w http.ResponseWriter, r *http.Request, proxy http.Handler) {
		rec := httptest.NewRecorder()
		proxy.ServeHTTP(rec, r)
		once.Do(func() {
			close(looked)
			<-goOn
		})
		maps.Copy(w.Header(), rec.Header())
		w.WriteHeader(rec.Code)
		_, _ = rec.Body.WriteTo(w)
	})
	args := yearly("shop.together", "--", "true")
	second := m.cron(at, args...)
	<-looked
	m.cron(m.addr, args...).waits()
	close(goOn)
	second.waits()
}

// While the mesh is away the program goes on trying, says so once, and loses no receipt.
func TestCronOutlastsTheMesh(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	var away atomic.Bool
	at := m.front(func(w http.ResponseWriter, r *http.Request, proxy http.Handler) {
		if away.Load() {
			w.WriteHeader(http.StatusBadGateway)
			_ = json.NewEncoder(w).Encode(map[string]any{"status": 502, "code": "unavailable", "detail": "the scheduler is away"})
			return
		}
		proxy.ServeHTTP(w, r)
	})
	flag := filepath.Join(t.TempDir(), "go")
	p := m.cron(at, yearly("shop.nightly", "--", "sh", "-c", `while [ ! -e "$0" ]; do sleep 0.05; done; echo late`, flag)...)
	p.waits()
	id := m.run("shop.nightly")
	m.fire(id, "it is at work", func(f api.Fire) bool { return f.State == api.Received })
	away.Store(true)
	if err := os.WriteFile(flag, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wait.For(t, limit, "the program to say it", func() bool { return strings.Contains(p.text(&p.stderr), "trying again") })
	away.Store(false)
	if f := m.fire(id, "the end", func(f api.Fire) bool { return f.EndedAt != nil }); f.State != api.Done || f.Result != "late" {
		t.Errorf("%+v", f)
	}
	wait.For(t, limit, "the program to say that it is over", func() bool { return strings.Contains(p.text(&p.stderr), "answers again") })
	if n := strings.Count(p.text(&p.stderr), "trying again"); n != 1 {
		t.Errorf("said %d times", n)
	}
}
