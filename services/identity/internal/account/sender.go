package account

import (
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

// SenderToken is what is kept of a token with which a program sends log records; the token itself is not.
type SenderToken struct {
	ID        string
	Grant     access.Grant // of the role sender
	IssuedAt  time.Time
	IssuedBy  string // user id
	ExpiresAt time.Time
	RevokedAt *time.Time
	RevokedBy string // user id
}

// Subject of the token: by it a receiver knows one that was revoked.
func (t SenderToken) Subject() string { return "sender:" + t.ID }
