package keyring

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-jose/go-jose/v4"

	"github.com/signalbox-mesh/signalbox/sidecar/usertoken"
)

const (
	privateBlock = "PRIVATE KEY" // PKCS #8
	publicBlock  = "PUBLIC KEY"  // PKIX
)

func openSigning(path string, generate bool) (jose.JSONWebKey, error) {
	key, err := readPrivate(path)
	if generate && errors.Is(err, fs.ErrNotExist) {
		if err := create(path); err != nil {
			return jose.JSONWebKey{}, err
		}
		key, err = readPrivate(path)
	}
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	return usertoken.Key(key)
}

// create writes a fresh key. Two instances that start at once agree on one: the file appears whole,
// under its name only if nobody else's is there yet.
func create(path string) error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("generate key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make folder for key: %w", err)
	}
	return publish(path, pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: der}))
}

func publish(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".signing-*") // made with 0600
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write key: %w", err)
	}
	return nil
}

func readPrivate(path string) (ed25519.PrivateKey, error) {
	block, err := readBlock(path)
	if err != nil {
		return nil, err
	}
	if block.Type != privateBlock {
		return nil, fmt.Errorf("%s holds a %q block, want an Ed25519 %q (PKCS #8)", path, block.Type, privateBlock)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("%s holds no Ed25519 private key (PKCS #8)", path)
	}
	return key, nil
}

// readPublic takes a public key, or the public half of a private one.
func readPublic(path string) (jose.JSONWebKey, error) {
	block, err := readBlock(path)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	if block.Type == privateBlock {
		private, err := readPrivate(path)
		if err != nil {
			return jose.JSONWebKey{}, err
		}
		key, err := usertoken.Key(private)
		return key.Public(), err
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	public, ok := parsed.(ed25519.PublicKey)
	if err != nil || !ok || block.Type != publicBlock {
		return jose.JSONWebKey{}, fmt.Errorf("%s holds no Ed25519 key", path)
	}
	return named(public)
}

func readBlock(path string) (*pem.Block, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, fmt.Errorf("%s is not in PEM format", path)
	}
	return block, nil
}
