package pg

import "testing"

func TestWhoseFaultAFailedStatementIs(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]bool{"": false, "connection": true, "timeout": true, "canceled": false, "23505": false, "42P01": false,
		"57014": false, "57P01": true, "57P03": true, "53300": true, "08006": true, "58030": true, "XX000": true, "40001": false, "53": false} {
		if got := serversFault(kind); got != want {
			t.Errorf("%q: %v", kind, got)
		}
	}
}
