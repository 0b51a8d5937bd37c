package main

import (
	"bytes"
	"cmp"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

// license of the program, by its SPDX identifier.
const license = "Apache-2.0"

// sbom lists, in the form of CycloneDX 1.6, the Go modules that are linked into binary, as it says itself, and what the
// studio's pages in it are built from; a binary without the studio has none of the latter.
func sbom(binary, ui string, from commit) ([]byte, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	components := []cyclonedx.Component{component("golang", "std", strings.TrimPrefix(info.GoVersion, "go"))}
	for _, m := range info.Deps {
		components = append(components, goModule(m))
	}
	pages, err := npmPackages(ui)
	if err != nil {
		return nil, err
	}
	components = append(components, pages...)
	slices.SortFunc(components, func(a, b cyclonedx.Component) int { return cmp.Compare(a.BOMRef, b.BOMRef) })
	components = slices.CompactFunc(components, func(a, b cyclonedx.Component) bool { return a.BOMRef == b.BOMRef })
	bom := cyclonedx.NewBOM()
	itself := component("golang", info.Main.Path, from.Revision)
	itself.Type, itself.Licenses = cyclonedx.ComponentTypeApplication, &cyclonedx.Licenses{{License: &cyclonedx.License{ID: license}}}
	bom.Metadata = &cyclonedx.Metadata{Timestamp: from.Time.Format(time.RFC3339), Component: &itself}
	bom.Components = &components
	var b bytes.Buffer
	err = cyclonedx.NewBOMEncoder(&b, cyclonedx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cyclonedx.SpecVersion1_6)
	return b.Bytes(), err
}

func goModule(m *debug.Module) cyclonedx.Component {
	if m.Replace != nil {
		m = m.Replace
	}
	c := component("golang", m.Path, m.Version)
	c.Properties = &[]cyclonedx.Property{{Name: "go:sum", Value: m.Sum}} // a hash of the files' hashes: none that CycloneDX knows
	return c
}

// component by its package URL, https://github.com/package-url/purl-spec.
func component(ecosystem, name, version string) cyclonedx.Component {
	purl := "pkg:" + ecosystem + "/" + strings.Replace(name, "@", "%40", 1) + "@" + strings.ReplaceAll(version, "+", "%2B")
	return cyclonedx.Component{BOMRef: purl, Type: cyclonedx.ComponentTypeLibrary, Name: name, Version: version, PackageURL: purl}
}

// npmPackages that ship with the pages: what the lock file does not call a tool.
func npmPackages(ui string) ([]cyclonedx.Component, error) {
	if _, err := os.Stat(filepath.Join(ui, "dist/index.html")); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	text, err := os.ReadFile(filepath.Join(ui, "package-lock.json"))
	if err != nil {
		return nil, err
	}
	var lock struct {
		Packages map[string]struct {
			Version, Integrity, License string
			Dev                         bool
		}
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		return nil, err
	}
	var all []cyclonedx.Component
	for path, p := range lock.Packages {
		i := strings.LastIndex(path, "node_modules/")
		if i < 0 || p.Dev {
			continue
		}
		c := component("npm", path[i+len("node_modules/"):], p.Version)
		if p.License != "" {
			c.Licenses = &cyclonedx.Licenses{{Expression: p.License}}
		}
		if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(p.Integrity, "sha512-")); err == nil && len(sum) == 64 {
			c.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA512, Value: hex.EncodeToString(sum)}}
		}
		all = append(all, c)
	}
	return all, nil
}
