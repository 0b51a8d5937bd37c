package scheduler_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/docs/examples/webhook"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
)

// verified by three that know nothing of each other: the example in Go, node and openssl, as the document shows them.
func verified(t *testing.T, addr string, h hook) {
	t.Helper()
	var keys api.Keys
	if code := call(t, addr, "viewer", http.MethodGet, "/keys", "", &keys); code != http.StatusOK || len(keys.Items) != 1 {
		t.Fatalf("%d, %+v", code, keys)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(keys.Items[0].Standard, "whpk_"))
	if err != nil || len(raw) != ed25519.PublicKeySize {
		t.Fatal(err)
	}
	if err := webhook.Verify(h.header, h.body, time.Now(), ed25519.PublicKey(raw)); err != nil {
		t.Error(err)
	}
	for _, block := range []string{"js", "sh"} {
		if out, err := runBlock(t, block, keys.Items[0].PEM, h.header, h.body); err != nil {
			t.Errorf("%s: %v: %s", block, err, out)
		}
	}
	spoiled := bytes.Replace(h.body, []byte(`7`), []byte(`8`), 1)
	if webhook.Verify(h.header, spoiled, time.Now(), ed25519.PublicKey(raw)) == nil || webhook.Verify(h.header, h.body, time.Now().Add(time.Hour), ed25519.PublicKey(raw)) == nil {
		t.Error("another body, or an old one, is taken")
	}
	for _, block := range []string{"js", "sh"} {
		if out, err := runBlock(t, block, keys.Items[0].PEM, h.header, spoiled); err == nil {
			t.Errorf("%s takes another body: %s", block, out)
		}
	}
}

// runBlock runs the document's verification in js or sh.
func runBlock(t *testing.T, language, key string, h http.Header, body []byte) ([]byte, error) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "time-consumers.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```" + language + "\n(// verify|# verify)(.*?)```").FindSubmatch(text)
	if found == nil {
		t.Fatalf("docs/time-consumers.md shows no verification in %s", language)
	}
	dir := t.TempDir()
	script := filepath.Join(dir, map[string]string{"js": "verify.mjs", "sh": "verify.sh"}[language])
	for path, text := range map[string]string{script: string(found[1]) + string(found[2]), filepath.Join(dir, "public.pem"): key, filepath.Join(dir, "body.json"): string(body)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), map[string]string{"js": "node", "sh": "sh"}[language], script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "ID="+h.Get("Webhook-Id"), "AT="+h.Get("Webhook-Timestamp"), "SIGNATURE="+h.Get("Webhook-Signature"))
	return cmd.CombinedOutput()
}

// The document shows the example as it is compiled.
func TestTheDocumentShowsTheExample(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile(filepath.Join("..", "..", "docs", "time-consumers.md"))
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(filepath.Join("..", "..", "docs", "examples", "webhook", "webhook.go"))
	if err != nil {
		t.Fatal(err)
	}
	if at := bytes.Index(code, []byte("// Verify says")); at < 0 || !bytes.Contains(document, code[at:]) {
		t.Error("docs/time-consumers.md shows another webhook.Verify")
	}
}
