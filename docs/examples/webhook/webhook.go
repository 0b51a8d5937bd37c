// Package webhook verifies the requests that the scheduler sends to targets http. docs/time-consumers.md shows it.
package webhook

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Tolerance is how old, or how far ahead, a request may be.
const Tolerance = 5 * time.Minute

// Verify says whether a request comes from the scheduler: body are the bytes as they came, keys what
// GET /api/scheduler/v1/keys lists ("standard", without whpk_, is base64 of 32 bytes).
func Verify(h http.Header, body []byte, now time.Time, keys ...ed25519.PublicKey) error {
	id, stamp := h.Get("Webhook-Id"), h.Get("Webhook-Timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > Tolerance {
		return errors.New("no timestamp, or not one of these minutes")
	}
	signed := append([]byte(id+"."+stamp+"."), body...)
	for one := range strings.FieldsSeq(h.Get("Webhook-Signature")) {
		signature, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(one, "v1a,"))
		for _, key := range keys {
			if err == nil && ed25519.Verify(key, signed, signature) {
				return nil
			}
		}
	}
	return errors.New("no signature of these keys")
}
