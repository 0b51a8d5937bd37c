package main

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Names that readers of a layout take for an image's name: the specification's, and containerd's.
const (
	refAnnotation        = "org.opencontainers.image.ref.name"
	containerdAnnotation = "io.containerd.image.name"
)

// write the OCI layout of all architectures (Out/oci), and for each a tarball (Out/signalbox-<arch>.tar). They take the
// place of what was there once they are whole.
func (b build) write(all []platform, work string) ([]made, error) {
	if err := os.MkdirAll(b.Out, 0o755); err != nil {
		return nil, err
	}
	for _, p := range all {
		fmt.Fprintf(b.Progress, "images: writing linux/%s\n", p.Architecture)
		dir := filepath.Join(work, "oci-"+p.Architecture)
		if _, err := b.layout(dir, []platform{p}); err != nil {
			return nil, err
		}
		if err := b.dockerManifest(dir, p); err != nil {
			return nil, err
		}
		to := filepath.Join(b.Out, "signalbox-"+p.Architecture+".tar")
		if err := pack(dir, to+".new"); err != nil {
			return nil, err
		}
		if err := os.Rename(to+".new", to); err != nil {
			return nil, err
		}
	}
	to := filepath.Join(b.Out, "oci")
	if err := os.RemoveAll(to + ".new"); err != nil {
		return nil, err
	}
	done, err := b.layout(to+".new", all)
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(to); err != nil {
		return nil, err
	}
	return done, os.Rename(to+".new", to)
}

// layout has an index for each image, of the manifests of its architectures.
func (b build) layout(dir string, all []platform) ([]made, error) {
	at, err := layout.Write(dir, empty.Index)
	if err != nil {
		return nil, err
	}
	var done []made
	for i, img := range all[0].Images {
		index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
		for _, p := range all {
			index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: p.Images[i].Image, Descriptor: v1.Descriptor{
				Platform: &v1.Platform{OS: "linux", Architecture: p.Architecture},
			}})
		}
		digest, err := index.Digest()
		if err != nil {
			return nil, err
		}
		name := b.name(img.Title)
		if err := at.AppendIndex(index, layout.WithAnnotations(map[string]string{refAnnotation: b.Version, containerdAnnotation: name})); err != nil {
			return nil, err
		}
		done = append(done, made{name, digest})
	}
	return done, nil
}

// dockerManifest is what `docker load` of before version 25 looks for beside a layout, as `docker save` writes it.
func (b build) dockerManifest(dir string, p platform) error {
	type row struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	blob := func(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }
	var rows []row
	for _, img := range p.Images {
		m, err := img.Manifest()
		if err != nil {
			return err
		}
		r := row{Config: blob(m.Config.Digest), RepoTags: []string{b.name(img.Title)}}
		for _, l := range m.Layers {
			r.Layers = append(r.Layers, blob(l.Digest))
		}
		rows = append(rows, r)
	}
	text, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "manifest.json"), append(text, '\n'), 0o644)
}

// pack all files below dir, in the order of their names, as of no time and nobody's.
func pack(dir, to string) (err error) {
	var names []string
	if err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	}); err != nil {
		return err
	}
	slices.Sort(names)
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() {
		if closed := f.Close(); err == nil {
			err = closed
		}
	}()
	w := tar.NewWriter(f)
	for _, name := range names {
		if err := add(w, dir, name); err != nil {
			return err
		}
	}
	return w.Close()
}

func add(w *tar.Writer, dir, path string) error {
	name, err := filepath.Rel(dir, path)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: filepath.ToSlash(name), Mode: 0o644, Size: info.Size(), ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}
