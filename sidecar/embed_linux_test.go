package sidecar_test

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// settled is how long a service idles before its memory is read.
const settled = 5 * time.Second

// What a service that embeds the sidecar, and nothing more, takes at idle and until it answers, against the same service
// without it: by turns, each a process of its own. It is measured as go build makes it, and without gRPC's own request
// tracing, whose templates have the linker keep every exported method.
//
//	go test ./sidecar -run '^$' -bench Embed -benchtime 1x -v
func BenchmarkEmbed(b *testing.B) {
	without, with, lean := buildPlain(b), buildOrders(b), buildOrders(b, "-tags", "grpcnotrace")
	embedded := embeddedEnv(b)
	var plain, usual, noTrace embedRuns
	for b.Loop() {
		for range 5 {
			plain.add(embedRun(b, without, "/orders/1"))
			usual.add(embedRun(b, with, "/hc", embedded...))
			noTrace.add(embedRun(b, lean, "/hc", embedded...))
		}
	}
	usual.compare(b, &plain, "go build")
	noTrace.compare(b, &plain, "go build -tags grpcnotrace")
}

// buildPlain builds the service as it is without the sidecar.
func buildPlain(b *testing.B) string {
	b.Helper()
	binary := filepath.Join(b.TempDir(), "plain")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", binary, "./testdata/plain").CombinedOutput(); err != nil {
		b.Fatalf("build the service without the sidecar: %v\n%s", err, out)
	}
	return binary
}

// embedRuns are what several runs of one program took.
type embedRuns struct {
	memory map[string][]float64 // in MiB
	ready  []float64            // in ms
}

func (r *embedRuns) add(memory map[string]float64, ready time.Duration) {
	if r.memory == nil {
		r.memory = map[string][]float64{}
	}
	for name, mib := range memory {
		r.memory[name] = append(r.memory[name], mib)
	}
	r.ready = append(r.ready, float64(ready.Microseconds())/1000)
}

// compare prints what r took more than the plain service did.
func (r *embedRuns) compare(b *testing.B, plain *embedRuns, built string) {
	b.Helper()
	for _, name := range slices.Sorted(maps.Keys(plain.memory)) {
		limit := ""
		if name == "VmRSS" {
			limit = " limit=15.0"
		}
		without, with := median(plain.memory[name]), median(r.memory[name])
		b.Logf("METRIC embed_added_mib{%s, %s}=%.1f%s (%.1f without the sidecar, %.1f with it)", name, built, with-without, limit, without, with)
	}
	without, with := median(plain.ready), median(r.ready)
	b.Logf("METRIC embed_added_ready_ms{%s}=%.0f limit=150 (%.0f without the sidecar, %.0f with it)", built, with-without, without, with)
}

func median(of []float64) float64 {
	return slices.Sorted(slices.Values(of))[len(of)/2]
}

// embeddedEnv gives the sidecar a key and a state folder, without which it spools nothing. No view-service is there.
func embeddedEnv(b *testing.B) []string {
	b.Helper()
	dir := b.TempDir()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		b.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(dir, "orders.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		b.Fatal(err)
	}
	return []string{
		"SIGNALBOX_HTTP_ADDR=127.0.0.1:0", "SIGNALBOX_RPC_ADDR=127.0.0.1:0", "SIGNALBOX_KEY_FILE=" + file,
		"SIGNALBOX_STATE_DIR=" + dir, "SIGNALBOX_PEERS=view-service=127.0.0.1:1/127.0.0.1:1",
	}
}

// embedRun starts a program, and returns its memory once settled and the time from its start to its first 200.
func embedRun(b *testing.B, binary, path string, env ...string) (map[string]float64, time.Duration) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute) // ends a service that hangs
	defer cancel()
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = append(os.Environ(), env...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	url := "http://" + addressFrom(b, bufio.NewScanner(stderr)) + path
	rest := make(chan struct{})
	go func() { defer close(rest); _, _ = io.Copy(io.Discard, stderr) }()
	for !answers(ctx, url) {
		if ctx.Err() != nil {
			b.Fatalf("%s: no 200", url)
		}
		<-time.After(time.Millisecond)
	}
	ready := time.Since(began)
	<-time.After(settled)
	memory := residentMiB(b, cmd.Process.Pid)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		b.Fatal(err)
	}
	<-rest
	if err := cmd.Wait(); err != nil {
		b.Errorf("%s ended with %v", filepath.Base(binary), err)
	}
	return memory, ready
}

// answers asks once, over a connection of its own.
func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// residentMiB reads VmRSS and its parts: RssAnon (heap, stacks, data) and RssFile (the binary's pages that were touched).
func residentMiB(b *testing.B, pid int) map[string]float64 {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	found := map[string]float64{}
	for line := range strings.Lines(string(raw)) {
		name, rest, _ := strings.Cut(line, ":")
		if name != "VmRSS" && name != "RssAnon" && name != "RssFile" {
			continue
		}
		var kib float64
		if _, err := fmt.Sscan(rest, &kib); err != nil {
			b.Fatalf("%s: %v", line, err)
		}
		found[name] = kib / 1024
	}
	return found
}
