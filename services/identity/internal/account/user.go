// Package account holds the rules about users: their names, their grants, and who may change whom.
package account

import (
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

// User is one who signs in. The password's hash never leaves the store.
type User struct {
	ID          string // UUID v7
	Name        string // for signing in; unique without regard to case
	DisplayName string
	Disabled    bool
	HasPassword bool
	Grants      []access.Grant // in normal form, see Normal
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Principal is what the user's tokens say.
func (u User) Principal() access.Principal {
	return access.Principal{Subject: u.ID, Name: u.Name, Grants: u.Grants}
}

// RunsThePlatform reports whether the user is an enabled administrator of everything. There is always
// one of them, once there was one.
func (u User) RunsThePlatform() bool {
	_, all := u.Principal().Scope(access.Admin)
	return all && !u.Disabled
}
