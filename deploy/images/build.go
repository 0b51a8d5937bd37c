package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// build is what is asked for. Two of the same commit and version give the same bytes.
type build struct {
	Source, Out       string
	Registry, Version string
	Architectures     []string
	Progress          io.Writer
}

// made is one image, of all architectures.
type made struct {
	Name   string // with its tag
	Digest v1.Hash
}

// commit is what stands in every image about where it comes from.
type commit struct {
	Revision string
	Time     time.Time
}

func (b build) run(ctx context.Context) ([]made, error) {
	from, err := b.commit(ctx)
	if err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp("", "signalbox-images-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	var all []platform
	for _, arch := range b.Architectures {
		p, err := b.platform(ctx, arch, work, from)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", arch, err)
		}
		all = append(all, p)
	}
	return b.write(all, work)
}

// commit that is checked out. Its time is the time of everything in the images: that of the build would make each differ.
func (b build) commit(ctx context.Context) (commit, error) {
	out, err := b.command(ctx, "git", "log", "-1", "--format=%H %ct")
	if err != nil {
		return commit{}, fmt.Errorf("which commit is built: %w", err)
	}
	revision, seconds, _ := strings.Cut(strings.TrimSpace(out), " ")
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return commit{}, fmt.Errorf("which commit is built: %w", err)
	}
	return commit{Revision: revision, Time: time.Unix(at, 0).UTC()}, nil
}

// platform builds the binary of an architecture, and its images.
func (b build) platform(ctx context.Context, arch, work string, from commit) (platform, error) {
	fmt.Fprintf(b.Progress, "images: building signalbox %s for linux/%s\n", b.Version, arch)
	binary := filepath.Join(work, "signalbox-"+arch)
	if _, err := b.command(ctx, "env", "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=-mod=readonly",
		"go", "build", "-trimpath", "-ldflags", "-s -w -X main.version="+b.Version, "-o", binary, "./cmd/signalbox"); err != nil {
		return platform{}, err
	}
	layers, err := layersOf(b.Source, binary, from)
	if err != nil {
		return platform{}, err
	}
	return b.images(arch, layers, from)
}

// command in the repository; what it says on stderr becomes the error.
func (b build) command(ctx context.Context, name string, args ...string) (string, error) {
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = b.Source, &out, &said
	if err := cmd.Run(); err != nil {
		return "", errors.Join(fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err), errors.New(strings.TrimSpace(said.String())))
	}
	return out.String(), nil
}
