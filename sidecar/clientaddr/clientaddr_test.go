package clientaddr

import (
	"testing"
)

func TestOf(t *testing.T) {
	t.Parallel()
	behind, err := NewPolicy([]string{"10.0.0.0/8", "::1"})
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		policy    Policy
		remote    string
		forwarded []string
		want      string
	}{
		"nobody is trusted":            {Policy{}, "10.0.0.1:5", []string{"1.2.3.4"}, "10.0.0.1"},
		"one hop":                      {behind, "10.0.0.1:5", []string{"1.2.3.4"}, "1.2.3.4"},
		"the client's own lie":         {behind, "10.0.0.1:5", []string{"9.9.9.9, 1.2.3.4"}, "1.2.3.4"},
		"a lie in a header before":     {behind, "10.0.0.1:5", []string{"9.9.9.9", "1.2.3.4, 10.0.0.7"}, "1.2.3.4"},
		"all trusted":                  {behind, "10.0.0.1:5", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"garbage ends the walk":        {behind, "10.0.0.1:5", []string{"1.2.3.4, unknown"}, "10.0.0.1"},
		"empty header":                 {behind, "10.0.0.1:5", nil, "10.0.0.1"},
		"untrusted peer":               {behind, "8.8.8.8:5", []string{"1.2.3.4"}, "8.8.8.8"},
		"mapped address":               {behind, "[::ffff:10.0.0.1]:5", []string{"[2001:db8::7]:443"}, "2001:db8::7"},
		"address of an IPv6 loopback":  {behind, "[::1]:5", []string{"1.2.3.4:99"}, "1.2.3.4"},
		"remote that is no address":    {behind, "@", []string{"1.2.3.4"}, "invalid IP"},
		"zone of a link-local address": {Policy{}, "[fe80::1%eth0]:5", nil, "fe80::1"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.policy.Of(c.remote, c.forwarded).String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestNewPolicyRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "10.0.0.0/40", "gateway", "1.2.3", "10.0.0.1:80"} {
		if _, err := NewPolicy([]string{text}); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
	if _, err := NewPolicy(Private()); err != nil {
		t.Error(err)
	}
}
