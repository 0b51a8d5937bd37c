package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// Paths within an image. Nothing but stateDir is the user's to write, and that should be a volume: the root file system
// may be read-only.
const (
	binaryPath = "usr/bin/signalbox"
	rootsPath  = "etc/ssl/certs/ca-certificates.crt"
	sbomPath   = "usr/share/doc/signalbox/sbom.cdx.json"
	stateDir   = "var/lib/signalbox"
	user       = 65532 // "nonroot", as images without a distribution have it by convention
)

// entry of a layer; a path that ends in a slash is a folder. Everything is root's but what names an owner.
type entry struct {
	Path  string
	Mode  int64
	Owner int
	Body  []byte
}

// layersOf an image: what hardly ever changes first, the binary after it, and what it is made of.
func layersOf(source, binary string, from commit) ([]v1.Layer, error) {
	program, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	bill, err := sbom(binary, filepath.Join(source, "services/web-studio/ui"), from)
	if err != nil {
		return nil, fmt.Errorf("list what the binary is made of: %w", err)
	}
	base, err := rootFiles()
	if err != nil {
		return nil, err
	}
	var layers []v1.Layer
	for _, entries := range [][]entry{base, {{Path: binaryPath, Mode: 0o555, Body: program}}, {{Path: sbomPath, Mode: 0o444, Body: bill}}} {
		l, err := layer(entries, from.Time)
		if err != nil {
			return nil, err
		}
		layers = append(layers, l)
	}
	return layers, nil
}

// rootFiles are what a static binary wants to find. Time zones are in the binary.
func rootFiles() ([]entry, error) {
	var roots bytes.Buffer
	for r := range bundle.Roots() {
		if r.Constraint != nil {
			continue // believed only for certificates of before a day: a file cannot say so
		}
		if err := pem.Encode(&roots, &pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate}); err != nil {
			return nil, err
		}
	}
	if roots.Len() == 0 {
		return nil, errors.New("there are no root certificates")
	}
	return []entry{
		{Path: "etc/", Mode: 0o755},
		{Path: "etc/group", Mode: 0o444, Body: fmt.Appendf(nil, "root:x:0:\nnonroot:x:%d:\n", user)},
		{Path: "etc/passwd", Mode: 0o444, Body: fmt.Appendf(nil, "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:%d:%d:nonroot:/%s:/sbin/nologin\n", user, user, stateDir)},
		{Path: "etc/ssl/", Mode: 0o755},
		{Path: "etc/ssl/certs/", Mode: 0o755},
		{Path: rootsPath, Mode: 0o444, Body: roots.Bytes()},
		{Path: "tmp/", Mode: 0o1777},
		{Path: "usr/", Mode: 0o755},
		{Path: "usr/bin/", Mode: 0o755},
		{Path: "usr/share/", Mode: 0o755},
		{Path: "usr/share/doc/", Mode: 0o755},
		{Path: "usr/share/doc/signalbox/", Mode: 0o755},
		{Path: "var/", Mode: 0o755},
		{Path: "var/lib/", Mode: 0o755},
		{Path: stateDir + "/", Mode: 0o700, Owner: user},
	}, nil
}

func layer(entries []entry, at time.Time) (v1.Layer, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.Path, Mode: e.Mode, Uid: e.Owner, Gid: e.Owner, Size: int64(len(e.Body)), ModTime: at, Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		if e.Path[len(e.Path)-1] == '/' {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.Body); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil },
		tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
}
