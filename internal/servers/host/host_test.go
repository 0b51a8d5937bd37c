package host

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
)

// The servers' user is never root; whoever is not root runs them as himself.
func TestCredential(t *testing.T) {
	t.Parallel()
	who, err := Credential("no-such-user")
	if err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 && who != nil {
		t.Errorf("an ordinary user's servers run as %+v", who)
	}
	if os.Getuid() == 0 && (who == nil || who.UID == 0) {
		t.Errorf("root's servers run as %+v", who)
	}
}

func TestEnterable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open, closed := filepath.Join(dir, "open"), filepath.Join(dir, "closed")
	for path, mode := range map[string]os.FileMode{dir: 0o755, filepath.Dir(dir): 0o755, open: 0o711, closed: 0o700} {
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	stranger, me := guard.Credential{UID: 54321, GID: 54321}, guard.Credential{UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
	for _, c := range []struct {
		dir  string
		who  guard.Credential
		want bool
	}{
		{open, stranger, true}, {closed, stranger, false}, {closed, me, true},
		{filepath.Join(open, "not", "yet", "there"), stranger, true}, {filepath.Join(closed, "not", "yet"), stranger, false},
	} {
		if got := enterable(c.dir, c.who); got != c.want {
			t.Errorf("enterable(%s, %d) = %v", c.dir, c.who.UID, got)
		}
	}
}

// Data stays where it was asked for unless the server's user cannot get there; then its place depends on
// the asked-for one alone, so that the next start finds it.
func TestPlace(t *testing.T) {
	t.Parallel()
	asked := filepath.Join(t.TempDir(), "state", "postgres")
	got, err := Place(asked, nil)
	if err != nil || got != asked {
		t.Errorf("own user: %s, %v", got, err)
	}
	info, err := os.Stat(got)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the data's folder: %v, %v", info, err)
	}
	who, err := Credential("nobody")
	if err != nil || who == nil { // only root gives data away
		return
	}
	hidden := filepath.Join(t.TempDir(), "state", "postgres")
	if err := os.Chmod(filepath.Dir(filepath.Dir(hidden)), 0o700); err != nil {
		t.Fatal(err)
	}
	first, err := Place(hidden, who)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(first)) })
	if again, err := Place(hidden, who); err != nil || again != first || !strings.HasPrefix(first, "/var/lib/signalbox/") {
		t.Errorf("placed at %s, then at %s: %v", first, again, err)
	}
}

func TestFreePort(t *testing.T) {
	t.Parallel()
	port, err := FreePort()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
}
