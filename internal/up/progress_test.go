package up

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
)

// A step that failed names its cause; one that was broken off, by Ctrl-C or by the failure beside it, has none to name.
func TestStepsNameTheirOwnCauses(t *testing.T) {
	t.Parallel()
	live := t.Context()
	canceled, cancel := context.WithCancel(live)
	cancel()
	late, stop := context.WithTimeout(live, 0)
	defer stop()
	for _, c := range []struct {
		ctx  context.Context
		err  error
		says string
	}{
		{live, nil, "✓ bus"},
		{live, errors.New("the cause"), "✗ bus           the cause"},
		{late, errors.New("not ready"), "✗ bus           not ready"},
		{canceled, errors.New("signal: killed"), ""},
		{canceled, nil, "✓ bus"},
	} {
		var out bytes.Buffer
		p := progress{out: &out}
		if err := p.step(c.ctx, "bus", func() (string, error) { return "", c.err }); !errors.Is(err, c.err) {
			t.Errorf("%v came back as %v", c.err, err)
		}
		if !strings.Contains(out.String(), c.says) || (c.says == "") != (out.Len() == 0) {
			t.Errorf("it says %q, want %q", &out, c.says)
		}
	}
}

// Asked to stop before anything stands, up ends without an error, however the steps broke off.
func TestAskedToStopWhileStarting(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	err := Run(ctx, Options{State: t.TempDir(), Listen: "127.0.0.1:0", Bus: busInproc, Environ: []string{"SIGNALBOX_POSTGRES_URL=postgres://u:p@127.0.0.1:1/d"}, Out: &out})
	if err != nil || strings.Contains(out.String(), "✗") || !strings.Contains(out.String(), "stopped") {
		t.Errorf("%v\n%s", err, &out)
	}
}
