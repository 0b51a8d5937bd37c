package settings

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Hash is equal for two configurations that set the same, secrets among it, by the same key. It tells nothing of a
// value to who has no key. Settings with the tag scope:"instance" differ between instances by nature, and do not count.
func Hash(key []byte, cfg any) (string, error) {
	fields, err := fieldsOf(cfg)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	for _, f := range fields {
		if f.own || !f.value.CanInterface() {
			continue
		}
		fmt.Fprintf(mac, "%q=%q\n", f.Name, fmt.Sprint(f.value.Interface()))
	}
	return hex.EncodeToString(mac.Sum(nil)[:16]), nil
}
