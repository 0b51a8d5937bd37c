package servicetoken

import "fmt"

// grantType marks what a service grants to whoever shows it, such as the log level of one request: it speaks for no
// caller, and is no message.
const grantType = "signalbox-grant"

// SignGrant wraps the payload into a compact JWS that any service of the mesh may believe.
func (s *Signer) SignGrant(payload []byte) (string, error) {
	signed, err := s.grants.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign a grant: %w", err)
	}
	return signed.CompactSerialize()
}

// VerifyGrant returns the payload of a grant that some service of the bundle has signed. It asks nobody.
func (b *Bundle) VerifyGrant(text string) ([]byte, error) {
	if len(text) > maxToken {
		return nil, fmt.Errorf("%w: a grant is not that long", ErrRefused)
	}
	payload, _, err := b.open(text, grantType)
	return payload, err
}
