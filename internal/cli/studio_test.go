package cli

import (
	"strings"
	"testing"
)

func TestStudioPrintsALinkAndNothingElse(t *testing.T) {
	t.Parallel()
	m := &mesh{bodies: map[string]string{"POST " + signInCodesPath: `{"code":"sbc_abc","expires_at":"2026-11-22T02:00:00Z"}`}}
	url := m.start(t)
	code, out, errs := call(t, nil, "", "studio", "--url", url, "--token", "t")
	if code != 0 || out != url+"/studio/#code=sbc_abc\n" || errs != "" {
		t.Errorf("%d %q %q", code, out, errs)
	}
	if code, out, _ := call(t, nil, "", "studio", "--json", "--url", url, "--token", "t"); code != 0 || !strings.Contains(out, `"expires_at"`) {
		t.Errorf("%d %q", code, out)
	}
}
