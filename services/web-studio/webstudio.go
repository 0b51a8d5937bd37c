// Package webstudio serves the studio: the pages on which people operate the mesh. It holds files and no data; what the
// pages show and change goes through the platform's public APIs.
package webstudio

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/signalbox-mesh/signalbox/services/web-studio/internal/site"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

const service = "web-studio"

// dist is what `make ui` builds. The placeholder in it is all there is where nobody did, so that the program compiles
// without Node.
//
//go:embed all:ui/dist
var dist embed.FS

// Config is what an operator sets.
type Config struct {
	sidecar.Config
	MeshName string `env:"MESH_NAME" desc:"what the studio calls this mesh, where people have several; default: the address that they opened"`
}

// Service is web-studio with its sidecar: Run and Stop are the sidecar's.
type Service struct {
	*sidecar.Sidecar
}

// New wires web-studio and binds its listeners. It keeps nothing and needs nobody.
func New(ctx context.Context, c Config, s sidecar.Settings) (*Service, error) {
	files, err := fs.Sub(dist, "ui/dist")
	if err != nil {
		return nil, fmt.Errorf("open the built pages: %w", err)
	}
	pages, err := site.New(files, site.Settings{Base: "/studio/", Config: site.Config{Mesh: c.MeshName, Version: s.Version}})
	if err != nil {
		return nil, fmt.Errorf("read the built pages: %w", err)
	}
	s.Service, s.Schema, s.Migrations = service, "", nil
	s.Whole = c
	sc, err := sidecar.New(ctx, c.Config, s)
	if err != nil {
		return nil, err
	}
	sc.API().Handle("GET /studio/{path...}", access.Public(), pages)
	return &Service{Sidecar: sc}, nil
}
