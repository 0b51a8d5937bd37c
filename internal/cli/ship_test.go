package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/intake"
)

// What cannot work is told before anything is opened, and how to mend it.
func TestShipRefuses(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "--service"},
		{[]string{"--service", "Shop"}, 2, "lower-case"},
		{[]string{"--service", "../shop"}, 2, "lower-case"},
		{[]string{"--service", "shop", "--instance", "a/b"}, 2, "--instance"},
		{[]string{"--service", "catalogs"}, 2, "its own lines"},
		{[]string{"--service", "postgresql"}, 2, "its own lines"},
		{[]string{"--service", "shop", "--follow"}, 2, "go with --file"},
		{[]string{"--service", "shop", "--file", "x", "--", "ls"}, 2, "one source"},
		{[]string{"--service", "shop", "--to", "127.0.0.1:1"}, 2, "--key"},
		{[]string{"--service", "shop", "--key", "x"}, 2, "--to"},
		{[]string{"--service", "shop", "--url", "http://127.0.0.1:1"}, 2, "token logs --service shop"},
		{[]string{"--service", "shop", "--url", "http://127.0.0.1:1", "--to", "127.0.0.1:1", "--key", "x"}, 2, "one mesh"},
		{[]string{"--service", "shop", "--url", "127.0.0.1:1", "--token", "x"}, 1, "no URL of a mesh"},
		{[]string{"--service", "shop", "--context", "nowhere"}, 2, "context list"},
		{[]string{"--service", "shop", "--level", "loud"}, 2, "--level"},
		{[]string{"--service", "shop", "--format", "xml"}, 2, "--format"},
		{[]string{"--service", "shop"}, 1, "signalbox up"},
	} {
		code, stdout, stderr := call(t, []string{"HOME=" + state}, "", append([]string{"ship", "--state", state}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.says) || stdout != "" {
			t.Errorf("%v: code %d, %q; want %d and %q", c.args, code, stderr, c.code, c.says)
		}
	}
	if left, err := os.ReadDir(state); err != nil || len(left) != 0 {
		t.Errorf("%v was left, %v", left, err)
	}
}

// Each file has a place of its own for each service; its name cannot leave the folder.
func TestShipCursor(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, service := range []string{"shop", "cart"} {
		for _, file := range []string{"/var/log/a.log", "/srv/log/a.log", "/var/log/b c\n.log", ".."} {
			c := shipCommand{meshFlags: meshFlags{State: "/state"}, Service: service, File: file}
			name := c.cursor()
			if seen[name] || filepath.Dir(name) != "/state/ship/"+service || strings.ContainsAny(name, " \n") {
				t.Errorf("%s of %s: %s", file, service, name)
			}
			seen[name] = true
		}
	}
}

// A mesh that was started again is found where it is now.
func TestMeshPeersFollow(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	m := meshPeers{state}
	if p := m.Resolve("view-service"); len(p.RPC) != 0 {
		t.Errorf("%v without a mesh", p)
	}
	for _, port := range []string{"1", "2"} {
		text := `{"instances":[{"service":"gateway","private":"127.0.0.1:9"},{"service":"view-service","private":"127.0.0.1:` + port + `"}]}`
		if err := os.WriteFile(filepath.Join(state, "mesh.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if p := m.Resolve("view-service"); len(p.RPC) != 1 || p.RPC[0] != "127.0.0.1:"+port {
			t.Errorf("%v, want port %s", p, port)
		}
	}
}

// What a run ends with is told in whole numbers, and by what would mend it.
func TestShipTellsWhatIsNotInTheStore(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	c := shipCommand{meshFlags: meshFlags{State: "/state"}, Service: "shop"}
	sum := intake.Summary{Service: "shop", Instance: "shop-1", Records: 5344, Waiting: 1, Dropped: map[string]int{"rejected": 5064}, Refusal: "the store rejected 2 records: 2 records are older than the retention of 168h0m0s"}
	if err := c.tell(Process{Stderr: &out}, sum); !errors.Is(err, exitCode(1)) {
		t.Error(err)
	}
	for _, part := range []string{"spooled as shop: 5 344 records", ": 5 064 records are not in the store (rejected 5064): older than the retention of 168h0m0s; --restamp", ": 1 record waits in /state/spool/shop/shop-1: "} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is not in %q", part, out.String())
		}
	}
}

// Progress is one line that is written over, and wiped out at the end.
func TestShipShowsProgress(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	s := shipProgress{out: &out}
	s.show(intake.Progress{Records: 1000, Bytes: 25 << 20, Left: 75 << 20, Waiting: 17})
	s.show(intake.Progress{Records: 1001, Bytes: 100 << 20, Trouble: errors.New("nobody\x1b[2J answers")})
	s.clear()
	narrow := shipProgress{out: &out, cells: 40}
	narrow.show(intake.Progress{Records: 1002, Bytes: 100 << 20, Waiting: 17})
	narrow.clear()
	for _, part := range []string{"\r1000 records (25 MiB) read, 983 in the store, ", "/s, 25 % of the file, 17 wait in the spool", "\r1001 records", "nobody·[2J answers", "\r1002 records (100 MiB) read, 985 in th…\r"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is not in %q", part, out.String())
		}
	}
	if strings.Contains(out.String(), "\n") || !strings.HasSuffix(out.String(), " \r") {
		t.Errorf("%q", out.String())
	}
}
