package pg

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/jackc/pgx/v5"
	"golang.org/x/text/secure/precis"
)

// limits are the time bounds that a role carries itself, whoever opens its sessions.
type limits struct{ statement, lock, idle string }

// A migration may rewrite a table, so the owner has minutes; but it must not queue the whole service
// behind a lock that it cannot get.
var (
	ownerLimits  = limits{statement: "10min", lock: "5s", idle: "1min"}
	workLimits   = limits{statement: "10s", lock: "3s", idle: "30s"}
	readerLimits = limits{statement: "10s", lock: "1s", idle: "30s"}
)

func makeRoles(ctx context.Context, tx pgx.Tx, s SchemaRoles) error {
	if err := loginRole(ctx, tx, s.Owner, s.OwnerPassword, ownerLimits); err != nil {
		return err
	}
	if s.Role != s.Owner {
		if err := loginRole(ctx, tx, s.Role, s.Password, workLimits); err != nil {
			return err
		}
	}
	for _, r := range s.Readers {
		if err := readerRole(ctx, tx, r); err != nil {
			return err
		}
	}
	return joinOwner(ctx, tx, s.Owner)
}

func loginRole(ctx context.Context, tx pgx.Tx, name, password string, l limits) error {
	if _, err := ensureRole(ctx, tx, name, "LOGIN"); err != nil {
		return err
	}
	alter := "ALTER ROLE " + ident(name) + " LOGIN"
	if password != "" {
		verifier, err := scramVerifier(password)
		if err != nil {
			return fmt.Errorf("password of role %q: %w", name, err)
		}
		alter += " PASSWORD '" + verifier + "'"
	}
	if err := execAll(ctx, tx, alter); err != nil {
		return err
	}
	return limitRole(ctx, tx, name, l)
}

// readerRole leaves an existing reader's login and password as its administrator has set them.
func readerRole(ctx context.Context, tx pgx.Tx, name string) error {
	created, err := ensureRole(ctx, tx, name, "NOLOGIN")
	if err != nil || !created {
		return err
	}
	return limitRole(ctx, tx, name, readerLimits)
}

func ensureRole(ctx context.Context, tx pgx.Tx, name, login string) (created bool, err error) {
	var there bool
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1)`, name).Scan(&there)
	if err != nil || there {
		return false, err
	}
	return true, execAll(ctx, tx, "CREATE ROLE "+ident(name)+" "+login+" NOCREATEDB NOCREATEROLE")
}

func limitRole(ctx context.Context, tx pgx.Tx, name string, l limits) error {
	alter := "ALTER ROLE " + ident(name) + " SET "
	return execAll(ctx, tx,
		alter+"statement_timeout = '"+l.statement+"'",
		alter+"lock_timeout = '"+l.lock+"'",
		alter+"idle_in_transaction_session_timeout = '"+l.idle+"'",
	)
}

// joinOwner lets an administrator who is no superuser (hosted databases) act for the owner.
func joinOwner(ctx context.Context, tx pgx.Tx, owner string) error {
	var member bool
	if err := tx.QueryRow(ctx, `SELECT pg_has_role($1, 'MEMBER')`, owner).Scan(&member); err != nil {
		return fmt.Errorf("read the membership of role %q: %w", owner, err)
	}
	if member {
		return nil
	}
	return execAll(ctx, tx, "GRANT "+ident(owner)+" TO CURRENT_USER")
}

const scramIterations = 4096

// scramVerifier is what PostgreSQL stores of a password (RFC 5803). Sending it instead of the password
// keeps the password out of the server's log and statistics. It holds no quote by construction.
func scramVerifier(password string) (string, error) {
	if prepared, err := precis.OpaqueString.String(password); err == nil {
		password = prepared
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt)
	salted, err := pbkdf2.Key(sha256.New, password, salt, scramIterations, sha256.Size)
	if err != nil {
		return "", err
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", scramIterations, b64(salt), b64(stored[:]), b64(mac(salted, "Server Key"))), nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
