package scheduler_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// polled is a scheduler with a schedule of target poll, and a way to offer a fire of it.
func polled(t *testing.T) (m *mesh, addr string, stop func(), offer func(n int)) {
	t.Helper()
	m = newMesh(t)
	s, stop := m.scheduler(t, "scheduler-1")
	wait.For(t, limit, "the schedule", func() bool {
		return call(t, s.PublicAddr(), "operator", "PUT", "/schedules/billing.job", `{"spec": {"cron": "@yearly", "target": "poll", "payload": [1]}}`, nil) == http.StatusOK
	})
	db := m.admin(t)
	return m, s.PublicAddr(), stop, func(n int) { offerOne(t, db, n) }
}

func offerOne(t *testing.T, db *pg.DB, n int) {
	t.Helper()
	_, err := db.Pool().Exec(t.Context(), `INSERT INTO scheduler.fires (id, schedule, service, due, until, state, target, attempts, deadline_ms, expires_at, published_at)
		VALUES ('billing.job@' || $1::int, 'billing.job', 'billing', '2026-01-01'::timestamptz + $1 * interval '1 day', now(), 'published', 'poll', 3, 60000, now() + interval '1 day', now())`, n)
	if err != nil {
		t.Fatal(err)
	}
}

const taking = `{"instance": "host-7", "wait_seconds": 20}`

func TestTakeWaitsForAFire(t *testing.T) {
	t.Parallel()
	_, addr, _, offer := polled(t)
	const path = "/schedules/billing.job/take"
	if got := call(t, addr, "operator", "POST", path, `{"instance": "host-7"}`, nil); got != http.StatusNoContent {
		t.Errorf("nothing to take: %d", got)
	}
	offer(2)
	offer(1)
	first := must[api.Taken](t, addr, "operator:billing", "POST", path, taking, 200)
	if first.ID != "billing.job@1" || first.Attempt != 1 || first.Attempts != 3 || first.Deadline != time.Minute || string(first.Payload) != "[1]" {
		t.Errorf("%+v", first)
	}
	f := must[api.Fire](t, addr, "viewer", "GET", "/fires/"+url.PathEscape(first.ID), "", 200)
	if f.State != api.Received || f.Instance != "host-7" || f.ReceivedAt == nil || f.StartedAt == nil || f.Attempt != 1 {
		t.Errorf("%+v", f)
	}
	if second := must[api.Taken](t, addr, "operator", "POST", path, taking, 200); second.ID != "billing.job@2" {
		t.Errorf("%+v", second)
	}
	var wg sync.WaitGroup
	began := time.Now()
	answers := make(chan int, 3)
	for range 3 {
		wg.Go(func() {
			answers <- call(t, addr, "operator", "POST", path, `{"instance": "x", "wait_seconds": 3}`, nil)
		})
	}
	<-time.After(100 * time.Millisecond) // most of them wait by now; if not, no harm
	offer(3)
	wg.Wait()
	close(answers)
	count := map[int]int{}
	for code := range answers {
		count[code]++
	}
	if count[200] != 1 || count[204] != 2 {
		t.Errorf("three asked for one fire: %v", count)
	}
	t.Logf("METRIC take_wait_ms=%d limit=4000", time.Since(began).Milliseconds())
	if d := refused(t, addr, "operator", "POST", "/schedules/scheduler.retention/take", taking); d.Code != problem.Conflict {
		t.Errorf("not of target poll: %+v", d)
	}
	for _, body := range []string{`{}`, `{"instance": ""}`, `{"instance": "x", "wait_seconds": 31}`, `{"instance": "x", "wait_seconds": -1}`, `{"instance": "` + strings.Repeat("x", 300) + `"}`} {
		if d := refused(t, addr, "operator", "POST", path, body); d.Code != problem.Invalid {
			t.Errorf("%s: %+v", body, d)
		}
	}
}

// A stop does not wait for who waits.
func TestTakeEndsWithTheReplica(t *testing.T) {
	t.Parallel()
	m, addr, stop, _ := polled(t)
	answer := make(chan int, 1)
	go func() {
		defer close(answer) // where the question itself fails
		answer <- call(t, addr, "operator", "POST", "/schedules/billing.job/take", taking, nil)
	}()
	wait.For(t, limit, "the replica to have the question", func() bool {
		return strings.Contains(string(m.Call(addr, "admin", "GET", "/metrics", "").Body), `http_server_active_requests{http_request_method="POST"} 1`)
	})
	began := time.Now()
	stop()
	if got := <-answer; got != http.StatusNoContent {
		t.Errorf("%d", got)
	}
	t.Logf("METRIC stop_with_a_waiter_ms=%d limit=5000", time.Since(began).Milliseconds())
}

func TestCancel(t *testing.T) {
	t.Parallel()
	m, addr, _, offer := polled(t)
	offer(1)
	fire := "/fires/" + url.PathEscape("billing.job@1")
	f := must[api.Fire](t, addr, "operator:billing", "POST", fire+"/cancel", `{"note": "wrong day"}`, 200)
	if f.State != api.Failed || f.Reason != api.ReasonCancelled || f.Error != "cancelled by operator:billing: wrong day" || f.EndedAt == nil {
		t.Errorf("%+v", f)
	}
	if d := refused(t, addr, "operator", "POST", fire+"/cancel", ""); d.Code != problem.Conflict {
		t.Errorf("twice: %+v", d)
	}
	if d := refused(t, addr, "operator", "POST", "/fires/none/cancel", ""); d.Code != problem.NotFound {
		t.Errorf("%+v", d)
	}
	if d := refused(t, addr, "operator", "POST", fire+"/cancel", `{"note": "`+strings.Repeat("x", 501)+`"}`); d.Code != problem.Invalid {
		t.Errorf("%+v", d)
	}
	if lines := m.Log.Lines("fire cancelled"); len(lines) != 1 || !strings.Contains(lines[0], `"audit":true`) {
		t.Errorf("%q", lines)
	}
	if got := call(t, addr, "operator", "POST", "/schedules/billing.job/take", `{"instance": "x"}`, nil); got != http.StatusNoContent {
		t.Errorf("a cancelled fire was taken: %d", got)
	}
}

// A replica that does not lead serves all of it.
func TestAReplicaThatDoesNotLeadManages(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	one, _ := m.scheduler(t, "scheduler-1")
	wait.For(t, limit, "a leader", func() bool { return one.Leading() != 0 })
	other, _ := m.scheduler(t, "scheduler-2")
	addr := other.PublicAddr()
	wait.For(t, limit, "the second replica", func() bool { return call(t, addr, "viewer", "GET", "/schedules", "", nil) == http.StatusOK })
	must[api.Saved](t, addr, "operator", "PUT", "/schedules/billing.x", `{"spec": {"every_seconds": 1, "target": "poll"}}`, 200)
	eventually(t, one.PublicAddr(), "/fires?schedule=billing.x", "a fire of what the other replica stored", func(f api.Fires) bool { return len(f.Items) > 0 })
	must[api.Schedule](t, addr, "operator", "POST", "/schedules/billing.x/pause", `{"note": "x"}`, 200)
	must[any](t, addr, "operator", "DELETE", "/schedules/billing.x", "", 204)
	if other.Leading() != 0 {
		t.Error("the second one leads")
	}
}

// A fire that is taken, fails, is offered again after its backoff, and ends well: all of it is in the ledger.
func TestReceiptsOfATakenFire(t *testing.T) {
	t.Parallel()
	_, addr, _, offer := polled(t)
	offer(1)
	const take, path = "/schedules/billing.job/take", "/fires/billing.job@1/receipt"
	tell := func(kind string, attempt int, more string) api.Settled {
		t.Helper()
		return must[api.Settled](t, addr, "operator:billing", "POST", path, fmt.Sprintf(`{"kind": %q, "instance": "host-7", "attempt": %d%s}`, kind, attempt, more), 200)
	}
	must[api.Taken](t, addr, "operator", "POST", take, taking, 200)
	half := tell("progress", 1, `, "progress": 0.5, "note": "half of it"`)
	if !half.Changed || half.Fire.State != api.Received || half.Fire.Progress == nil || *half.Fire.Progress != 0.5 || half.Fire.Note != "half of it" {
		t.Errorf("%+v", half)
	}
	failed := tell("failed", 1, `, "error": "exit status 3", "duration_ms": 12`)
	if !failed.Changed || failed.Fire.State != api.Planned || failed.Fire.RetryAt == nil || failed.Fire.Error != "exit status 3" {
		t.Errorf("%+v", failed)
	}
	second := must[api.Taken](t, addr, "operator", "POST", take, taking, 200)
	if second.ID != "billing.job@1" || second.Attempt != 2 {
		t.Errorf("%+v", second)
	}
	if old := tell("failed", 1, `, "error": "late"`); old.Changed || old.Fire.State != api.Received {
		t.Errorf("a receipt of the attempt before: %+v", old)
	}
	done := tell("completed", 2, `, "result": "42 rows", "duration_ms": 1200`)
	if !done.Changed || done.Fire.State != api.Done || done.Fire.Result != "42 rows" || done.Fire.DurationMS == nil || *done.Fire.DurationMS != 1200 || done.Fire.Instance != "host-7" {
		t.Errorf("%+v", done)
	}
	if again := tell("completed", 2, ""); again.Changed {
		t.Errorf("twice: %+v", again)
	}
	for _, body := range []string{`{}`, `{"kind": "lost", "instance": "x", "attempt": 1}`, `{"kind": "failed", "instance": "x", "attempt": 0}`,
		`{"kind": "progress", "instance": "x", "attempt": 1, "progress": 2}`, `{"kind": "completed", "instance": "x", "attempt": 1, "started_at": "9999-12-31T23:59:59-05:00"}`} {
		if d := refused(t, addr, "operator", "POST", path, body); d.Code != problem.Invalid {
			t.Errorf("%s: %+v", body, d)
		}
	}
	const good = `{"kind": "completed", "instance": "x", "attempt": 1}`
	run := must[api.Run](t, addr, "operator", "POST", "/schedules/scheduler.retention/run", "", 202)
	for path, want := range map[string]problem.Code{"/fires/none/receipt": problem.NotFound, "/fires/" + url.PathEscape(run.FireID) + "/receipt": problem.Conflict} {
		if d := refused(t, addr, "operator", "POST", path, good); d.Code != want {
			t.Errorf("%s: %+v", path, d)
		}
	}
	for token, want := range map[string]problem.Code{"viewer": problem.Forbidden, "viewer:billing": problem.Forbidden, "operator:catalogs": problem.NotFound} {
		if d := refused(t, addr, token, "POST", path, good); d.Code != want {
			t.Errorf("%s: %+v", token, d)
		}
	}
}
