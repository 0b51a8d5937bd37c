package house

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/inproc"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

// Roles names the two roles of every schema, without passwords.
func Roles(entries []Entry) []pg.SchemaRoles {
	var all []pg.SchemaRoles
	for _, e := range entries {
		for _, s := range e.Schemas {
			r := pg.SchemaRoles{Schema: s.Name, Owner: "signalbox_" + s.Name + "_owner", Role: "signalbox_" + s.Name}
			if s.Reader != "" {
				r.Readers = []string{s.Reader}
			}
			all = append(all, r)
		}
	}
	return all
}

// RoleURL is the admin's URL with another user, password and database.
func RoleURL(admin, database, role, password string) (string, error) {
	u, err := url.Parse(admin)
	if err != nil {
		return "", err
	}
	u.User = url.UserPassword(role, password)
	u.Path = "/" + database
	return u.String(), nil
}

// Migrate wires the service with a bus of its own, on free ports and with a key that nobody trusts, brings its schemas up to
// date and takes it down again. It returns the names of the schemas.
func (e Entry) Migrate(ctx context.Context, environ []string) (done []string, err error) {
	if len(e.Schemas) == 0 {
		return nil, nil
	}
	dir, err := os.MkdirTemp("", "signalbox-migrate-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the run: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	own, err := e.throwaway(dir)
	if err != nil {
		return nil, err
	}
	broker, err := inproc.New(inproc.Settings{Dir: filepath.Join(dir, "bus")})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, broker.Close()) }()
	svc, err := e.New(ctx, slices.Concat(environ, own), sidecar.Settings{Stderr: io.Discard, Bus: broker.Open})
	if err != nil {
		return nil, err
	}
	done, err = svc.Migrate(ctx)
	return done, errors.Join(err, svc.Stop(context.WithoutCancel(ctx)))
}

// throwaway settings keep the wiring whole where a migration needs no part of it.
func (e Entry) throwaway(dir string) ([]string, error) {
	key, err := servicetoken.LoadOrGenerateKey(filepath.Join(dir, "key.pem"))
	if err != nil {
		return nil, err
	}
	bundle := filepath.Join(dir, "bundle.json")
	public := key.Public().(ed25519.PublicKey) //nolint:forcetypeassert // what crypto/ed25519 documents
	if err := servicetoken.WriteBundle(bundle, servicetoken.Keys{e.Name: {public}}); err != nil {
		return nil, err
	}
	var own []string
	for name, value := range map[string]string{
		"INSTANCE": e.Name + "-migrate", "HTTP_ADDR": "127.0.0.1:0", "RPC_ADDR": "127.0.0.1:0", "STATE_DIR": dir, "MIGRATE": "on",
		"KEY_FILE": filepath.Join(dir, "key.pem"), "TRUST_BUNDLE": bundle, "AMQP_URL": "",
	} {
		own = append(own, settings.Prefix+strings.ToUpper(strings.ReplaceAll(e.Name, "-", "_"))+"_"+name+"="+value)
	}
	return own, nil
}
