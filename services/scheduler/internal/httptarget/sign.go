package httptarget

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Purpose is what the scheduler's service key is derived for.
const Purpose = "signalbox scheduler webhooks v1"

// Key signs requests. Safe for concurrent use.
type Key struct{ private ed25519.PrivateKey }

// NewKey of a private key that is used for nothing else.
func NewKey(private ed25519.PrivateKey) Key { return Key{private} }

// Public is the key in the form of Standard Webhooks, and as PEM.
func (k Key) Public() (standard, inPEM string, err error) {
	public, _ := k.private.Public().(ed25519.PublicKey)
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", "", fmt.Errorf("encode the public key: %w", err)
	}
	return "whpk_" + base64.StdEncoding.EncodeToString(public), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

// sign sets the three headers of Standard Webhooks.
func (k Key) sign(h http.Header, id string, at time.Time, body []byte) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	signed := append([]byte(id+"."+stamp+"."), body...)
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", stamp)
	h.Set("Webhook-Signature", "v1a,"+base64.StdEncoding.EncodeToString(ed25519.Sign(k.private, signed)))
}
