package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// phc is a parsed "$argon2id$v=19$m=19456,t=2,p=1$<salt>$<key>".
type phc struct {
	Params
	salt, key []byte
}

// Bounds of what is taken from a stored string: a damaged one must not ask for a terabyte.
const (
	maxMemoryKiB = 1 << 20
	maxPasses    = 64
)

var errFormat = errors.New("not an argon2id hash in PHC format")

func encode(p phc) string {
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.MemoryKiB, p.Passes, p.Lanes,
		b.EncodeToString(p.salt), b.EncodeToString(p.key))
}

func decode(text string) (phc, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return phc{}, errFormat
	}
	params, err := decodeParams(parts[3])
	if err != nil {
		return phc{}, err
	}
	salt, errSalt := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	key, errKey := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if errSalt != nil || errKey != nil || len(salt) < 8 || len(key) < 16 || len(key) > 128 {
		return phc{}, errFormat
	}
	return phc{Params: params, salt: salt, key: key}, nil
}

func decodeParams(text string) (Params, error) {
	var values [3]uint64
	fields := strings.Split(text, ",")
	if len(fields) != len(values) {
		return Params{}, errFormat
	}
	for i, name := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(fields[i], name)
		v, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil || v == 0 {
			return Params{}, errFormat
		}
		values[i] = v
	}
	if values[0] > maxMemoryKiB || values[1] > maxPasses || values[2] > 255 {
		return Params{}, errFormat
	}
	return Params{MemoryKiB: uint32(values[0]), Passes: uint32(values[1]), Lanes: uint8(values[2])}, nil
}
