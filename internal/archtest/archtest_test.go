package archtest

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

func TestTheHouseIsAsPlanned(t *testing.T) {
	t.Parallel()
	found, err := Check(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

// Every rule is shown to catch a planted violation, and to let its lawful neighbour pass.
func TestPlantedViolations(t *testing.T) {
	t.Parallel()
	imports := func(paths ...string) string {
		var b strings.Builder
		b.WriteString("package p\n")
		for _, p := range paths {
			b.WriteString("import _ \"" + strings.Replace(p, "~", Module, 1) + "\"\n")
		}
		return b.String()
	}
	cases := []struct {
		name, file, src, rule string // rule "" : lawful
	}{
		{"sidecar imports a service", "sidecar/bus/x.go", imports("~/services/catalogs"), "ranks"},
		{"sidecar imports maintenance", "sidecar/x.go", imports("~/maintenance"), "ranks"},
		{"maintenance imports sidecar", "maintenance/x.go", imports("~/sidecar/pg"), ""},
		{"maintenance imports a service", "maintenance/x.go", imports("~/services/view-service/api"), "ranks"},
		{"a leaf imports the composite", "sidecar/pg/x.go", imports("~/sidecar"), "ranks"},
		{"view-service hosts maintenance", "services/view-service/x.go", imports("~/maintenance"), ""},
		{"catalogs imports maintenance", "services/catalogs/x.go", imports("~/maintenance"), "ranks"},
		{"a service without a rank", "services/newcomer/x.go", imports("~/sidecar"), "ranks"},
		{"a service imports another one's inside", "services/gateway/x.go", imports("~/services/identity/internal/user"), "service"},
		{"a service imports another one's api", "services/gateway/x.go", imports("~/services/identity/api"), ""},
		{"an api imports a service", "services/identity/api/x.go", imports("~/services/catalogs/api"), "service"},
		{"a service imports internal", "services/identity/x.go", imports("~/internal/up"), "ranks"},
		{"a service's test uses a test kit", "services/identity/x_test.go", imports("~/internal/pgtest"), ""},
		{"a service's test runs a mesh", "services/identity/x_test.go", imports("~/internal/meshtest"), ""},
		{"a test kit imports a service", "internal/meshtest/x.go", imports("~/services/identity"), "ranks"},
		{"a test kit imports maintenance", "internal/meshtest/x.go", imports("~/maintenance"), "ranks"},
		{"a service ships a test kit", "services/identity/x.go", imports("~/internal/pgtest"), "ranks"},
		{"amqp outside its driver", "sidecar/bus/inproc/x.go", imports("github.com/rabbitmq/amqp091-go"), "third-party"},
		{"amqp in its driver", "sidecar/bus/amqp/x.go", imports("github.com/rabbitmq/amqp091-go"), ""},
		{"pgx in a domain package", "services/catalogs/internal/catalog/x.go", imports("github.com/jackc/pgx/v5"), "third-party"},
		{"pgx in a postgres package", "services/catalogs/internal/postgres/x.go", imports("github.com/jackc/pgx/v5/pgxpool"), ""},
		{"a private ticker", "services/catalogs/x.go", "package p\nimport \"time\"\nfunc f() { time.NewTicker(1) }\n", "call"},
		{"a private time.AfterFunc", "maintenance/x.go", "package p\nimport \"time\"\nfunc f() { time.AfterFunc(1, nil) }\n", "call"},
		{"a private ticker under another name", "services/catalogs/x.go", "package p\nimport clock \"time\"\nfunc f() { clock.NewTicker(1) }\n", "call"},
		{"somebody else's time", "services/catalogs/x.go", "package p\nimport time \"example.org/other\"\nfunc f() { time.NewTicker(1) }\n", ""},
		{"the leader's timer", "services/scheduler/internal/leader/x.go", "package p\nimport \"time\"\nfunc f() { time.NewTicker(1) }\n", ""},
		{"a sleep in a test", "services/catalogs/x_test.go", "package p\nimport \"time\"\nfunc f() { time.Sleep(1) }\n", "call"},
		{"a connection to a service by the way", "services/catalogs/x.go", "package p\nimport \"google.golang.org/grpc\"\nfunc f() { grpc.NewClient(\"x\") }\n", "call"},
		{"a client of the way", "sidecar/x.go", "package p\nimport \"net/http\"\nvar c = http.Client{}\n", "call"},
		{"the default registry", "sidecar/x.go", "package p\nimport \"github.com/prometheus/client_golang/prometheus\"\nvar r = prometheus.DefaultRegisterer\n", "call"},
		{"a route without a rule", "services/catalogs/x.go", "package p\nimport \"net/http\"\nfunc f() { http.NewServeMux() }\n", "call"},
		{"a service's init", "services/catalogs/x.go", "package p\nfunc init() { panic(1) }\n", "initialiser"},
		{"a service's method called init", "services/catalogs/x.go", "package p\ntype t int\nfunc (t) init() {}\n", ""},
		{"a variable that opens a file", "services/catalogs/internal/x/x.go", "package p\nimport \"os\"\nvar f, _ = os.Open(\"x\")\n", "initialiser"},
		{"a variable made by a function", "maintenance/x.go", "package p\nvar all = func() []int { return nil }()\n", "initialiser"},
		{"a variable made by a method", "maintenance/x.go", "package p\nvar all = zones.load[int]()\n", "initialiser"},
		{"variables of constants", "maintenance/x.go", "package p\nimport \"errors\"\nvar err, text, later = errors.New(\"x\"), []byte(\"x\"), func() int { return f() }\n", ""},
		{"the sidecar's own init", "sidecar/x.go", "package p\nfunc init() {}\n", ""},
		{"a library exits", "sidecar/x.go", "package p\nimport \"os\"\nfunc f() { os.Exit(1) }\n", "call"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			found, err := Check(fstest.MapFS{c.file: {Data: []byte(c.src)}})
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case c.rule == "" && len(found) > 0:
				t.Errorf("lawful, but found %v", found)
			case c.rule != "" && (len(found) != 1 || found[0].Rule != c.rule):
				t.Errorf("found %v, want one breach of %q", found, c.rule)
			}
		})
	}
}
