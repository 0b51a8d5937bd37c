package cli

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestSizing(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := call(t, nil, "", "sizing", "--rate", "5000", "--bytes", "400", "--days", "7")
	if code != 0 || stderr != "" || !strings.Contains(stdout, "3 024 000 000") || !strings.Contains(stdout, "GB") || !strings.Contains(stdout, "cores") {
		t.Errorf("%d %s\n%s", code, stderr, stdout)
	}
	var a sizingAnswer
	if _, stdout, _ = call(t, nil, "", "sizing", "--rate", "1", "--json"); json.Unmarshal([]byte(stdout), &a) != nil || a.Records != 604800 || a.DiskBytes <= 0 || a.CPUEach <= 0 {
		t.Errorf("--json: %s", stdout)
	}
	for _, args := range [][]string{{}, {"--rate", "0"}, {"--rate", "NaN"}, {"--rate", "1e9"}, {"--rate", "1", "--bytes", "0"}, {"--rate", "1", "--days", "-1"}, {"--rate", "1", "--random", "2"}} {
		if code, _, stderr := call(t, nil, "", append([]string{"sizing"}, args...)...); code != 2 || !strings.Contains(stderr, "--") {
			t.Errorf("%v: %d %s", args, code, stderr)
		}
	}
}
