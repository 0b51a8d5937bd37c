package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/signalbox-mesh/signalbox/internal/house"
)

// checkout of the commit that is tested, in a folder of another name each time.
func checkout(t *testing.T, folder string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), folder)
	if said, err := exec.CommandContext(t.Context(), "git", "clone", "--quiet", "../..", dir).CombinedOutput(); err != nil {
		t.Fatalf("clone the repository: %v: %s", err, said)
	}
	return dir
}

func built(t *testing.T, folder string) (out string, all []made) {
	t.Helper()
	b := build{Source: checkout(t, folder), Out: filepath.Join(t.TempDir(), "dist"), Registry: "registry.example.com/team", Version: "v0.0.0-test",
		Architectures: []string{runtime.GOARCH}, Progress: io.Discard}
	all, err := b.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return b.Out, all
}

// TestImages: two builds of one commit, in two places, are the same bytes; and the images of the first are what they
// are said to be.
func TestImages(t *testing.T) {
	t.Parallel()
	out, all := built(t, "one")
	again, _ := built(t, "another-place")
	first, second := sums(t, out), sums(t, again)
	if len(first) == 0 || len(first) != len(second) {
		t.Fatalf("%d and %d files", len(first), len(second))
	}
	for name, sum := range first {
		if second[name] != sum {
			t.Errorf("%s differs between two builds", name)
		}
	}
	images := read(t, out, all)
	t.Run("each service has one", func(t *testing.T) { eachService(t, images) })
	t.Run("they share their layers", func(t *testing.T) { shareLayers(t, images) })
	t.Run("the tarball holds them", func(t *testing.T) { inTarball(t, out, images) })
	root := t.TempDir()
	extract(t, images["view-service"], root)
	if err := os.MkdirAll(filepath.Join(root, stateDir), 0o755); err != nil { // a volume takes its place
		t.Fatal(err)
	}
	t.Run("nothing is the user's to write but its state", func(t *testing.T) { owners(t, images["view-service"]) })
	t.Run("roots", func(t *testing.T) { roots(t, root) })
	t.Run("made of", func(t *testing.T) { madeOf(t, root) })
	t.Run("runs", func(t *testing.T) { runs(t, root, images["signalbox"]) })
}

func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		sum := sha256.Sum256(text)
		all[strings.TrimPrefix(path, dir)] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// read the images of this architecture by their titles, and hold each against the specification.
func read(t *testing.T, out string, all []made) map[string]v1.Image {
	t.Helper()
	index, err := layout.ImageIndexFromPath(filepath.Join(out, "oci"))
	if err != nil {
		t.Fatal(err)
	}
	images := map[string]v1.Image{}
	for _, m := range all {
		of, err := index.ImageIndex(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Index(of); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
		manifest, err := of.IndexManifest()
		if err != nil || len(manifest.Manifests) != 1 || manifest.Manifests[0].Platform.Architecture != runtime.GOARCH {
			t.Fatalf("%s: %+v %v", m.Name, manifest, err)
		}
		img, err := of.Image(manifest.Manifests[0].Digest)
		if err != nil {
			t.Fatal(err)
		}
		title := strings.TrimSuffix(strings.TrimPrefix(m.Name, "registry.example.com/team/signalbox/"), ":v0.0.0-test")
		images[title] = img
	}
	return images
}

func eachService(t *testing.T, images map[string]v1.Image) {
	if len(images) != len(house.Names())+1 {
		t.Errorf("%d images", len(images))
	}
	for _, name := range house.Names() {
		if images[name] == nil {
			t.Errorf("%s has no image", name)
			continue
		}
		file, err := images[name].ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		c := file.Config
		if strings.Join(c.Entrypoint, " ") != "/usr/bin/signalbox run "+name || c.User != "65532:65532" || c.Labels["org.opencontainers.image.title"] != name {
			t.Errorf("%s: %+v", name, c)
		}
		for _, port := range []string{"8080/tcp", "5001/tcp"} {
			if _, ok := c.ExposedPorts[port]; !ok {
				t.Errorf("%s does not tell of %s: %v", name, port, c.ExposedPorts)
			}
		}
	}
}

func shareLayers(t *testing.T, images map[string]v1.Image) {
	var want []v1.Hash
	configs := map[v1.Hash]bool{}
	for name, img := range images {
		m, err := img.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		var got []v1.Hash
		for _, l := range m.Layers {
			got = append(got, l.Digest)
		}
		if want == nil {
			want = got
		}
		if len(got) != 3 || !slices.Equal(got, want) {
			t.Errorf("%s has the layers %v, another one %v", name, got, want)
		}
		configs[m.Config.Digest] = true
	}
	if len(configs) != len(images) {
		t.Errorf("%d configs of %d images", len(configs), len(images))
	}
}

func inTarball(t *testing.T, out string, images map[string]v1.Image) {
	path := filepath.Join(out, "signalbox-"+runtime.GOARCH+".tar")
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(path) })
	if err != nil || len(manifest) != len(images) {
		t.Fatalf("%d of %d images: %v", len(manifest), len(images), err)
	}
	for _, d := range manifest {
		title := strings.TrimSuffix(strings.TrimPrefix(d.RepoTags[0], "registry.example.com/team/signalbox/"), ":v0.0.0-test")
		want, err := images[title].Manifest()
		if err != nil || d.Config != "blobs/sha256/"+want.Config.Digest.Hex || len(d.Layers) != 3 {
			t.Errorf("%+v %v", d, err)
		}
	}
}

// each file of an image, as its layers have it.
func each(t *testing.T, img v1.Image, do func(h *tar.Header, body io.Reader)) {
	t.Helper()
	flat := mutate.Extract(img)
	defer flat.Close()
	for r := tar.NewReader(flat); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		do(h, r)
	}
}

func owners(t *testing.T, img v1.Image) {
	n := 0
	each(t, img, func(h *tar.Header, _ io.Reader) {
		n++
		name := strings.TrimSuffix(h.Name, "/")
		if mine := h.Uid == 65532; mine != (name == "var/lib/signalbox") || !mine && h.Uid != 0 {
			t.Errorf("%s belongs to %d", h.Name, h.Uid)
		}
		if h.Mode&0o022 != 0 && name != "tmp" || h.Mode&0o6000 != 0 {
			t.Errorf("%s has mode %o", h.Name, h.Mode)
		}
	})
	if n < 10 {
		t.Errorf("%d files", n)
	}
}

func extract(t *testing.T, img v1.Image, root string) {
	t.Helper()
	each(t, img, func(h *tar.Header, body io.Reader) {
		if h.Typeflag == tar.TypeDir {
			return // a file comes before its folder, which lies in a lower layer
		}
		path := filepath.Join(root, filepath.FromSlash(h.Name))
		text, err := io.ReadAll(body)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o755)
		}
		if err == nil {
			err = os.WriteFile(path, text, fs.FileMode(h.Mode))
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}

func roots(t *testing.T, root string) {
	text, err := os.ReadFile(filepath.Join(root, rootsPath))
	if err != nil {
		t.Fatal(err)
	}
	if pool := x509.NewCertPool(); !pool.AppendCertsFromPEM(text) || bytes.Count(text, []byte("BEGIN CERTIFICATE")) < 50 {
		t.Errorf("%d root certificates", bytes.Count(text, []byte("BEGIN CERTIFICATE")))
	}
}

// madeOf: the list names the modules that go.mod does, in the versions that it does.
func madeOf(t *testing.T, root string) {
	f, err := os.Open(filepath.Join(root, sbomPath))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(f, cyclonedx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, c := range *bom.Components {
		listed[c.PackageURL] = true
	}
	for _, module := range []string{"github.com/jackc/pgx/v5", "github.com/rabbitmq/amqp091-go", "github.com/prometheus/client_golang"} {
		version, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", module).Output()
		if err != nil {
			t.Fatal(err)
		}
		if purl := "pkg:golang/" + module + "@" + strings.TrimSpace(string(version)); !listed[purl] {
			t.Errorf("%s is not listed", purl)
		}
	}
	if len(listed) < 50 || bom.Metadata == nil || bom.Metadata.Component.Name != "github.com/signalbox-mesh/signalbox" {
		t.Errorf("%d components of %+v", len(listed), bom.Metadata)
	}
}
