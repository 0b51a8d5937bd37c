package identity

import (
	"path/filepath"
	"time"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/keyring"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/clientaddr"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

// Config is what an operator sets.
type Config struct {
	sidecar.Config
	SigningKeyFile   string        `env:"SIGNING_KEY_FILE" desc:"Ed25519 private key that signs user tokens (PEM, PKCS #8); default: made in STATE_DIR/identity/signing.pem. Replicas need the same one"`
	PreviousKeyFiles []string      `env:"PREVIOUS_KEY_FILES" desc:"keys that signed before and still verify (PEM, private or public), by comma"`
	HashMemoryMiB    int64         `env:"HASH_MEMORY_MIB" envDefault:"128" desc:"memory for hashing passwords at once; one hash takes 19 MiB"`
	SessionIdle      time.Duration `env:"SESSION_IDLE" envDefault:"168h" desc:"a session that is not refreshed for so long ends"`
	SessionLongest   time.Duration `env:"SESSION_LONGEST" envDefault:"720h" desc:"every session ends after this time"`
	ForwardedBy      []string      `env:"FORWARDED_BY" desc:"whose X-Forwarded-For names the client: the gateways (addresses, prefixes, by comma); default: private and loopback networks"`
}

func (c Config) check() error {
	switch {
	case c.SigningKeyFile == "" && c.StateDir == "":
		return bad("SIGNING_KEY_FILE", "is not set, and without STATE_DIR there is no place to make a key; set one of them")
	case c.HashMemoryMiB < 19 || c.HashMemoryMiB > 65536:
		return bad("HASH_MEMORY_MIB", "must be between 19 and 65536")
	case c.SessionIdle < time.Minute:
		return bad("SESSION_IDLE", "must be at least 1m")
	case c.SessionLongest < c.SessionIdle:
		return bad("SESSION_LONGEST", "must not be shorter than SESSION_IDLE")
	}
	return nil
}

// keys opens the signing key: the file that is set must exist; the one in the state folder is made.
func (c Config) keys() (*keyring.Keyring, error) {
	path, generate := c.SigningKeyFile, false
	if path == "" {
		path, generate = filepath.Join(c.StateDir, service, "signing.pem"), true
	}
	ring, err := keyring.Open(path, generate, c.PreviousKeyFiles)
	if err != nil {
		return nil, bad("SIGNING_KEY_FILE", err.Error())
	}
	return ring, nil
}

func (c Config) proxies() (clientaddr.Policy, error) {
	trusted := c.ForwardedBy
	if len(trusted) == 0 {
		trusted = clientaddr.Private()
	}
	policy, err := clientaddr.NewPolicy(trusted)
	if err != nil {
		return policy, bad("FORWARDED_BY", err.Error())
	}
	return policy, nil
}

func bad(name, problem string) error {
	return &settings.Error{Variable: settings.Variable(service, name), Problem: problem}
}
