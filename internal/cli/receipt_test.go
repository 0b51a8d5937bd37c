package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// A receipt says what comes of it: whoever refuses a lease does not take it later, and a lease that is dropped holds no more.
func TestWhoHasNotDoneItIsTold(t *testing.T) {
	t.Parallel()
	const some = `{"lease":{"id":"%s","kind":"level","service":"catalogs","state":"%s"},"applied":1,"expected":3,"summary":"1 of 3",
		"instances":[{"instance":"catalogs-1","state":"applied"},{"instance":"catalogs-2","state":"refused","error":"no\u001b[2J"},{"instance":"catalogs-3","state":"silent"}]}`
	m := &mesh{bodies: map[string]string{"POST " + leasesPath: fmt.Sprintf(some, "a", "active"),
		"DELETE " + leasesPath + "/a": fmt.Sprintf(some, "a", "dropped"), "DELETE " + leasesPath + "/b": fmt.Sprintf(some, "b", "dropped"),
		"GET " + leasesPath: `{"leases":[{"id":"a","kind":"level","service":"catalogs","state":"active"},{"id":"b","kind":"level","service":"catalogs","state":"active"},{"id":"c","kind":"level","state":"active"}]}`}}
	url := m.start(t)
	const holds, over = "1 of 3 instances refused it; 1 of 3 instances did not confirm; the lease holds", "the lease is over"
	for args, want := range map[string][]string{
		"level set catalogs debug":        {holds, "lease show a"},
		"level set catalogs debug --json": {holds},
		"lease drop a":                    {over},
		"level reset catalogs":            {over, "still in force: 1 lease on all services", "lease show a", "lease show b"},
		"level reset catalogs --json":     {over},
	} {
		code, out, errs := call(t, nil, "", append(split(args), "--url", url, "--token", "t")...)
		for _, w := range want {
			if code != exitFailed || !strings.Contains(errs, w) {
				t.Errorf("%s: code %d, %q, want %q", args, code, errs, w)
			}
		}
		if strings.Contains(errs, holds) && strings.Contains(errs, over) || strings.Contains(out, "\x1b") {
			t.Errorf("%s: %q %q", args, out, errs)
		}
		if strings.HasSuffix(args, "--json") && !json.Valid([]byte(out)) {
			t.Errorf("%s: no JSON: %s", args, out)
		}
	}
}

// A reset ends all leases on the target, also those that are not on the API's first page, or that have just ended.
func TestAResetLeavesNone(t *testing.T) {
	t.Parallel()
	m := &mesh{bodies: map[string]string{
		"GET " + leasesPath:           `{"leases":[{"id":"a","kind":"level","service":"catalogs","state":"active"}],"next":7}`,
		"GET " + leasesPath + " 7":    `{"leases":[{"id":"b","kind":"level","service":"catalogs","state":"active"},{"id":"over","kind":"level","service":"catalogs","state":"active"}]}`,
		"DELETE " + leasesPath + "/a": done, "DELETE " + leasesPath + "/b": done, "DELETE " + leasesPath + "/over": `{"status":409,"code":"conflict","detail":"it is over"}`}}
	code, out, errs := call(t, nil, "", "level", "reset", "catalogs", "--url", m.start(t), "--token", "t")
	if code != 0 || strings.Count(out, "(lease the-lease)") != 2 {
		t.Errorf("code %d, %q %q, asked %q", code, out, errs, m.asked)
	}
}
