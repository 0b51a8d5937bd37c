package up

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/signalbox-mesh/signalbox/sidecar/mtls"
	"github.com/signalbox-mesh/signalbox/sidecar/mtls/devca"
)

// certificates makes those of this run, by a CA whose key is kept nowhere. Without --mtls those of an earlier run go:
// what calls the mesh from outside of it looks here for whether it has some.
func (s *state) certificates(wanted bool, names []string) error {
	dir := s.path("tls")
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the certificates of an earlier run: %w", err)
	}
	if !wanted {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of certificates: %w", err)
	}
	ca, err := devca.New()
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := ca.WriteTo(dir, name, devca.Service(name)); err != nil {
			return fmt.Errorf("certificate of %s: %w", name, err)
		}
	}
	return nil
}

// Certificates of a service, or of `up` itself, in the mesh of a state folder; none where it runs without.
func Certificates(state, name string) mtls.Files {
	files := devca.Files(filepath.Join(state, "tls"), name)
	if _, err := os.Stat(files.Cert); errors.Is(err, fs.ErrNotExist) {
		return mtls.Files{}
	}
	return files
}
