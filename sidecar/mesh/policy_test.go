package mesh_test

import (
	"strings"
	"testing"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
)

func TestParsePolicy(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`{"destination":"catalogs","timeout_ms":2000,"retries":1,"retry_budget":0.2,"breaker":{"failures":0.5,"calls":20,"open_ms":5000},"off":false}`: `{"destination":"catalogs","timeout_ms":2000,"retries":1,"retry_budget":0.2,"breaker":{"failures":0.5,"calls":20,"open_ms":5000}}`,
		` { "retries" : 0 } `:                   `{"retries":0}`,
		`{"destination":"identity","off":true}`: `{"destination":"identity","off":true}`,
	} {
		p, err := mesh.ParsePolicy(value)
		if err != nil || p.String() != want {
			t.Errorf("%s: %s, %v", value, p, err)
			continue
		}
		if again, err := mesh.ParsePolicy(p.String()); err != nil || again.String() != want {
			t.Errorf("the canonical form %s does not come back: %v", want, err)
		}
	}
	for value, names := range map[string]string{
		``: "EOF", `null`: "says nothing", `{}`: "says nothing", `{"destination":"x"}`: "says nothing", `{"retries":1} {}`: "after",
		`{"retry":1}`: "retry", `{"retries":6}`: "retries", `{"retries":-1}`: "retries", `{"retry_budget":1.5}`: "retry_budget", `{"timeout_ms":-1}`: "timeout_ms",
		`{"timeout_ms":600001}`: "timeout_ms", `{"destination":"A b","retries":1}`: "destination", `{"breaker":{}}`: "breaker", `{"breaker":{"failures":2}}`: "breaker.failures",
		`{"breaker":{"calls":10001}}`: "breaker.calls", `{"breaker":{"open_ms":5}}`: "breaker.open_ms", `{"off":true,"retries":0}`: "off", `[]`: "array",
	} {
		if _, err := mesh.ParsePolicy(value); err == nil || !strings.Contains(err.Error(), names) {
			t.Errorf("%s: %v, want it to name %s", value, err, names)
		}
	}
}

func TestParseFault(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		`{"destination":"catalogs","protocol":"http","share":0.1,"delay_ms":300,"status":503}`, `{"protocol":"grpc","share":1,"code":"UNAVAILABLE"}`,
		`{"destination":"catalogs","share":0.5,"abort":true}`, `{"share":1,"status":500,"code":"INTERNAL"}`,
	} {
		if f, err := mesh.ParseFault(value); err != nil || f.String() != value {
			t.Errorf("%s: %s, %v", value, f, err)
		}
	}
	for value, names := range map[string]string{
		`{"share":1}`: "does nothing", `{"abort":true}`: "share", `{"share":1.1,"abort":true}`: "share", `{"share":1,"delay_ms":60001}`: "delay_ms",
		`{"share":1,"status":200}`: "status", `{"share":1,"code":"OK"}`: "code", `{"share":1,"code":"BROKEN"}`: "code", `{"share":1,"status":503,"protocol":"grpc"}`: "status",
		`{"share":1,"code":"INTERNAL","protocol":"http"}`: "code", `{"share":1,"abort":true,"status":503}`: "abort", `{"share":1,"abort":true,"protocol":"amqp"}`: "protocol",
		`{"share":1,"abort":true,"destination":"-"}`: "destination", `{"share":1,"abort":true,"x":1}`: "x",
	} {
		if _, err := mesh.ParseFault(value); err == nil || !strings.Contains(err.Error(), names) {
			t.Errorf("%s: %v, want it to name %s", value, err, names)
		}
	}
}

func TestWhatIsNotUnderstoodIsRefusedByName(t *testing.T) {
	t.Parallel()
	m := mesh.New(mesh.Settings{Service: "gateway"})
	for name, effect := range map[string]lease.Effect{"policies": m.Policies(), "faults": m.Faults()} {
		refused := effect.Apply([]lease.Lease{{ID: "bad", Value: `{"share":7,"retries":99}`}, {ID: "worse", Value: "?"}})
		if len(refused) != 2 || refused["bad"] == nil || refused["worse"] == nil {
			t.Errorf("%s: %v", name, refused)
		}
	}
	check(t, m.Close())
}

func FuzzParse(f *testing.F) {
	f.Add(`{"retries":1}`)
	f.Add(`{"share":1,"abort":true}`)
	f.Fuzz(func(t *testing.T, value string) {
		if p, err := mesh.ParsePolicy(value); err == nil {
			if again, err := mesh.ParsePolicy(p.String()); err != nil || again.String() != p.String() {
				t.Errorf("%q: %v", p, err)
			}
		}
		if p, err := mesh.ParseFault(value); err == nil {
			if again, err := mesh.ParseFault(p.String()); err != nil || again != p {
				t.Errorf("%q: %v", p, err)
			}
		}
	})
}
