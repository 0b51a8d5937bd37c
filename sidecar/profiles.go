package sidecar

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	profilev1 "github.com/signalbox-mesh/signalbox/sidecar/contract/profile/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/profile"
)

// wireProfiles makes what captures profiles; without a key there are no leases that ask for one.
func (s *Sidecar) wireProfiles(context.Context) error {
	if s.signer == nil {
		return nil
	}
	conn, err := s.mesh.RPC("view-service")
	if err != nil {
		return err
	}
	s.profiles = profile.New(profile.Settings{
		Service: s.settings.Service, Instance: s.instance, Client: profilev1.NewProfileServiceClient(conn), Runtime: s.settings.Profilers,
		Dir: s.profilesDir(), Logger: s.Logger("profile"), Registerer: s.registry,
	})
	s.held.add("profiles", s.profiles.Close)
	return nil
}

// profilesDir is where captures wait to be uploaded; without a state directory, the system's for temporary files.
func (s *Sidecar) profilesDir() string {
	if s.config.StateDir == "" {
		return filepath.Join(os.TempDir(), fmt.Sprintf("signalbox-profiles-%d-%s", os.Getpid(), s.instance))
	}
	return filepath.Join(s.config.StateDir, "profiles", s.settings.Service, s.instance)
}
