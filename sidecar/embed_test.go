package sidecar_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An existing net/http service in a module of its own embeds the sidecar, builds and runs.
func TestEmbedFromAnotherModule(t *testing.T) {
	t.Parallel()
	binary := buildOrders(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // ends a service that hangs
	defer cancel()
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = append(os.Environ(), "SIGNALBOX_HTTP_ADDR=127.0.0.1:0", "SIGNALBOX_RPC_ADDR=127.0.0.1:0", "SIGNALBOX_LOG_LEVEL=debug")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	base := "http://" + addressFrom(t, lines)
	if body := get(t, base+"/orders/42", 200); body != "order 42\n" {
		t.Errorf("body %q", body)
	}
	for path, want := range map[string]string{"/metrics": "signalbox_build_info", "/hc": `"status": "up"`, "/liveness": ""} {
		if body := get(t, base+path, 200); !strings.Contains(body, want) {
			t.Errorf("%s: %.300s", path, body)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var rest bytes.Buffer
	for lines.Scan() {
		rest.Write(append(lines.Bytes(), '\n'))
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the service ended with %v:\n%s", err, &rest)
	}
	if !strings.Contains(rest.String(), `"msg":"order read"`) || !strings.Contains(rest.String(), `"order_id":"42"`) {
		t.Errorf("its own log line is not on stderr:\n%s", &rest)
	}
}

// buildOrders builds a copy of testdata/orders that finds this repository by an absolute path; flags are go build's.
func buildOrders(t testing.TB, flags ...string) string {
	t.Helper()
	repo, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for from, to := range map[string]string{
		"testdata/orders/main.go": "main.go", "testdata/orders/go.mod": "go.mod", "../go.sum": "go.sum",
	} {
		raw, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		raw = bytes.Replace(raw, []byte("=> ../../.."), []byte("=> "+repo), 1)
		if err := os.WriteFile(filepath.Join(dir, to), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	binary := filepath.Join(dir, "orders")
	args := append([]string{"build", "-mod=mod", "-o", binary}, flags...)
	cmd := exec.CommandContext(t.Context(), "go", append(args, ".")...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the module: %v\n%s", err, out)
	}
	return binary
}

// addressFrom reads the address from the service's first line.
func addressFrom(t testing.TB, lines *bufio.Scanner) string {
	t.Helper()
	for lines.Scan() {
		var line struct{ Attrs struct{ Public string } }
		if err := json.Unmarshal(lines.Bytes(), &line); err == nil && line.Attrs.Public != "" {
			return line.Attrs.Public
		}
	}
	t.Fatal(errors.Join(errors.New("the service ended without naming its address"), lines.Err()))
	return ""
}
