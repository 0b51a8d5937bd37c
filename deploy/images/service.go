package main

import (
	"fmt"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/signalbox-mesh/signalbox/internal/house"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

// platform is what was built for one architecture.
type platform struct {
	Architecture string
	Images       []image // in the order of kinds
}

type image struct {
	Title string
	v1.Image
}

// kind of image: the program as such, or a service of it.
type kind struct {
	Title, About string
	Command      []string
	Ports        []string // of the settings' defaults
}

// kinds of all images: one for each service of the house, and one for migrations and the command line.
func kinds() ([]kind, error) {
	all := []kind{{Title: "signalbox", About: "the command line: migrations, and whoever operates the mesh", Command: []string{"/" + binaryPath}}}
	for _, e := range house.Entries() {
		var c sidecar.Config
		if err := settings.Load(e.Name, nil, &c); err != nil {
			return nil, fmt.Errorf("the settings of %s: %w", e.Name, err)
		}
		k := kind{Title: e.Name, About: e.About, Command: []string{"/" + binaryPath, "run", e.Name}}
		for _, addr := range []string{c.HTTPAddr, c.RPCAddr} {
			k.Ports = append(k.Ports, addr[strings.LastIndexByte(addr, ':')+1:]+"/tcp")
		}
		all = append(all, k)
	}
	return all, nil
}

// images of one architecture: the same layers under each config.
func (b build) images(arch string, layers []v1.Layer, from commit) (platform, error) {
	all, err := kinds()
	if err != nil {
		return platform{}, err
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for i, what := range []string{"root certificates and the user", "signalbox " + b.Version, "what it is made of"} {
		base, err = mutate.Append(base, mutate.Addendum{Layer: layers[i], MediaType: types.OCILayer, History: v1.History{
			Created: v1.Time{Time: from.Time}, CreatedBy: "signalbox images", Comment: what,
		}})
		if err != nil {
			return platform{}, err
		}
	}
	p := platform{Architecture: arch}
	for _, k := range all {
		img, err := b.image(base, k, arch, from)
		if err != nil {
			return platform{}, fmt.Errorf("image %s: %w", k.Title, err)
		}
		p.Images = append(p.Images, image{k.Title, img})
	}
	return p, nil
}

func (b build) image(base v1.Image, k kind, arch string, from commit) (v1.Image, error) {
	file, err := base.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Created = "linux", arch, v1.Time{Time: from.Time}
	file.Config = v1.Config{
		User:       fmt.Sprintf("%d:%d", user, user),
		WorkingDir: "/" + stateDir,
		Entrypoint: k.Command,
		Env:        []string{"PATH=/usr/bin"},
		StopSignal: "SIGTERM",
		Labels:     b.labels(k, from),
	}
	if len(k.Ports) > 0 {
		file.Config.Env = append(file.Config.Env, "SIGNALBOX_STATE_DIR=/"+stateDir)
		file.Config.Volumes = map[string]struct{}{"/" + stateDir: {}}
		file.Config.ExposedPorts = map[string]struct{}{}
		for _, port := range k.Ports {
			file.Config.ExposedPorts[port] = struct{}{}
		}
	}
	return mutate.ConfigFile(base, file)
}

// labels by the names of the OCI image specification's annotations.
func (b build) labels(k kind, from commit) map[string]string {
	const key = "org.opencontainers.image."
	return map[string]string{
		key + "title":       k.Title,
		key + "description": k.About,
		key + "version":     b.Version,
		key + "revision":    from.Revision,
		key + "created":     from.Time.Format(time.RFC3339),
		key + "licenses":    license,
	}
}

// name of an image, with its tag.
func (b build) name(title string) string {
	prefix := "signalbox/"
	if b.Registry != "" {
		prefix = strings.TrimSuffix(b.Registry, "/") + "/" + prefix
	}
	return prefix + title + ":" + b.Version
}
