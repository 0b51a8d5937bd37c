package cli

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/internal/intake"
	"github.com/signalbox-mesh/signalbox/internal/up"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// remote finds out whether the lines go to a mesh elsewhere, as every other command does: by --url, by --context, or by the
// context in use where no mesh has run in the usual folder.
func (c *shipCommand) remote(p Process) error {
	name := c.Context
	if c.URL == "" && name == "" && c.To == "" && c.State == up.DefaultState {
		if _, err := os.Stat(c.ownKey()); errors.Is(err, fs.ErrNotExist) {
			name, _ = currentContext(p.Environ)
		}
	}
	if c.URL == "" && name != "" {
		all, err := loadContexts(p.Environ)
		if err != nil {
			return err
		}
		found, ok := all.Contexts[name]
		if !ok {
			return misuse("no context is called %q; `signalbox context list` shows those that exist", name)
		}
		c.URL, c.Token = found.URL, found.Token
	}
	if c.URL != "" && c.Token == "" {
		return misuse("--url needs a token: set SIGNALBOX_TOKEN to what `signalbox token logs --service %s` prints", c.Service)
	}
	return nil
}

// mend says what helps against a store that takes nothing.
func (c *shipCommand) mend(err error) string {
	if code := status.Code(err); c.URL != "" && (code == codes.PermissionDenied || code == codes.Unauthenticated) {
		return fmt.Sprintf("; a token of the role sender is needed: `signalbox token logs --service %s`", c.Service)
	}
	return "; Ctrl-C leaves them there for the next run"
}

// ownKey signs for whoever runs the mesh in the state folder.
func (c *shipCommand) ownKey() string { return filepath.Join(c.State, "keys", "up.pem") }

// sender opens the spool of the instance, or of the first one that nobody has.
func (c *shipCommand) sender(p Process, minimum slog.Level) (*intake.Sender, error) {
	key := c.Key
	if key == "" {
		key = c.ownKey()
	}
	s := intake.SenderSettings{Service: c.Service, Version: p.Version, Environment: "dev", Level: minimum, Began: time.Now(), Unhurried: len(c.Command) == 0,
		SignAs: c.SignAs, KeyFile: key, Peers: c.peers(), URL: c.URL, Token: c.Token}
	if c.To == "" && c.URL == "" {
		s.TLS = up.Certificates(c.State, c.SignAs)
	}
	names := []string{c.Instance}
	if c.Instance == "" {
		names = nil
		for i := range 9 {
			names = append(names, c.Service+"-"+strconv.Itoa(i+1))
		}
	}
	var err error
	for _, s.Instance = range names {
		s.SpoolDir = c.spool(s.Instance)
		var one *intake.Sender
		if one, err = intake.NewSender(s); err == nil {
			return one, nil
		}
		if !errors.Is(err, spool.ErrHeld) {
			return nil, c.unusable(err)
		}
	}
	return nil, fmt.Errorf("another process ships as %s of %s: end it, or choose another --instance (%w)", s.Instance, c.Service, err)
}

func (c *shipCommand) unusable(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.To == "":
		return fmt.Errorf("no mesh has run in %s: start one with `signalbox up`, name its folder with --state, or another one's port with --to (%w)", c.State, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the mesh in %s is another user's: call this as the one who started it (%w)", c.State, err)
	}
	return err
}

func (c *shipCommand) spool(instance string) string {
	return filepath.Join(c.State, "spool", c.Service, instance)
}

// cursor is the file that keeps the place: one for each file and service.
func (c *shipCommand) cursor() string {
	path, err := filepath.Abs(c.File)
	if err != nil {
		path = c.File
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(path))
	return filepath.Join(c.State, "ship", c.Service, fmt.Sprintf("%s-%016x.cursor", strings.Map(plainRune, filepath.Base(path)), h.Sum64()))
}

// plainRune keeps what needs no quotes in a shell.
func plainRune(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_' {
		return r
	}
	return '_'
}

func (c *shipCommand) peers() peers.Resolver {
	if c.To != "" {
		return peers.Static{"view-service": {RPC: strings.Split(c.To, ",")}}
	}
	return meshPeers{c.State}
}

// meshPeers reads where the services are each time it is asked: a mesh that was started again has other ports.
type meshPeers struct{ state string }

// Resolve implements peers.Resolver.
func (m meshPeers) Resolve(service string) (p peers.Peer) {
	mesh, err := meshFlags{State: m.state}.mesh()
	if err != nil {
		return p // none runs now
	}
	for _, i := range mesh.Instances {
		if i.Service == service {
			p.HTTP, p.RPC = append(p.HTTP, i.Address), append(p.RPC, i.Private)
		}
	}
	return p
}
