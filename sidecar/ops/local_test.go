package ops_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestEveryLocalChangeIsTold: set, replaced, ended by hand and by time; each says what was before and is after.
func TestEveryLocalChangeIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		defer r.local.Stop()
		r.do("POST", "/loggers/catalogs.store", debug10m, nil)
		r.do("POST", "/loggers/catalogs.store", `{"level":"warn","ttl":"1m","reason":"quiet"}`, nil)
		if w := r.do("DELETE", "/loggers/catalogs.store", "", nil); w.Code != 204 {
			t.Errorf("the reset is answered with %d %s", w.Code, w.Body)
		}
		if w := r.do("DELETE", "/loggers/catalogs.store", "", nil); w.Code != 404 {
			t.Errorf("a second reset is answered with %d", w.Code)
		}
		r.do("POST", "/loggers/root", debug10m, nil)
		advance(10 * time.Minute)
		synctest.Wait()
		var got []string
		for _, c := range r.changes {
			got = append(got, fmt.Sprintf("%s %s>%s %s %s by %s", c.Logger, c.Before, c.After, c.TTL, c.Reason, c.Actor))
		}
		want := []string{
			"catalogs.store INFO>DEBUG 10m0s find the leak by ops token from 127.0.0.1",
			"catalogs.store DEBUG>WARN 1m0s quiet by ops token from 127.0.0.1",
			"catalogs.store WARN>INFO 0s quiet by ops token from 127.0.0.1",
			"root INFO>DEBUG 10m0s find the leak by ops token from 127.0.0.1",
			"root DEBUG>INFO 0s find the leak by ",
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("told:\n%s", strings.Join(got, "\n"))
		}
		if n := strings.Count(r.audit.String(), `"audit":true`); n != 5 {
			t.Errorf("%d audit records: %s", n, r.audit)
		}
		if r.table.Var("").Level() != slog.LevelInfo {
			t.Error("a level was left")
		}
	})
}

func TestALoggerIsShownWithWhoseItIsAndUntilWhen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		defer r.local.Stop()
		r.do("POST", "/loggers/catalogs", debug10m, nil)
		advance(time.Minute)
		w := r.do("GET", "/loggers/catalogs.store", "", nil)
		var got struct {
			Configured, Leased, Effective, Owner, Reason string
			Until                                        time.Time
			Remaining                                    int64  `json:"remaining_ms"`
			ID                                           string `json:"lease_id"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if got.Configured != "INFO" || got.Leased != "DEBUG" || got.Effective != "DEBUG" || got.Owner != "ops token from 127.0.0.1" ||
			got.Reason != "find the leak" || !got.Until.Equal(time.Now().Add(9*time.Minute)) || got.Remaining != 540_000 || !strings.HasPrefix(got.ID, "local-") {
			t.Errorf("it is shown as %s", w.Body)
		}
		if body := r.do("GET", "/loggers/root", "", nil).Body.String(); strings.Contains(body, "until") || strings.Contains(body, "owner") {
			t.Errorf("what nobody has changed is shown as %s", body)
		}
	})
}

func TestAResetNeedsWhatAChangeNeeds(t *testing.T) {
	t.Parallel()
	r := newRig()
	defer r.local.Stop()
	r.do("POST", "/loggers/root", debug10m, nil)
	for name, c := range map[string]struct{ address, token string }{"from outside": {"10.0.0.7:99", token}, "without the token": {"127.0.0.1:1", "x"}} {
		w := r.do("DELETE", "/loggers/root", "", from(c.address, c.token))
		if w.Code != 403 && w.Code != 401 || r.table.Var("").Level() != slog.LevelDebug {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}
