package pg

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ErrSchemaTooNew is returned by Migrate when the schema was contracted for later binaries than this.
var ErrSchemaTooNew = errors.New("the schema is too new for this binary")

// IsUnique reports a violated unique constraint: the row is there already.
func IsUnique(err error) bool { return hasCode(err, "23505") }

// IsForeignKey reports a violated foreign key: the other row is missing, or still needed.
func IsForeignKey(err error) bool { return hasCode(err, "23503", "23001") }

// IsNoRows reports that a query for one row found none.
func IsNoRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }

// IsUnavailable reports that the server could not be reached, refused, went away or took too long:
// what was asked may be asked again later. A caller that gave up itself (context.Canceled) is not it.
func IsUnavailable(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return unavailableCode(answer.Code)
	}
	var connecting *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connecting) || errors.As(err, &network) || pgconn.Timeout(err) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, context.DeadlineExceeded)
}

// unavailableCode: connection exceptions (08), refused logins (28), no such database (3D), lack of
// resources (53), the server going down or coming up (57P), lock and statement timeouts, a read-only standby.
func unavailableCode(code string) bool {
	if len(code) != 5 {
		return false
	}
	return slices.Contains([]string{"08", "28", "3D", "53"}, code[:2]) || code[:3] == "57P" ||
		slices.Contains([]string{"55P03", "57014", "25006"}, code)
}

func hasCode(err error, codes ...string) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && slices.Contains(codes, answer.Code)
}

// IsRefused reports that the server took a value for impossible (class 22: out of range, not of the type)
// or too large (class 54): asking again will not help, another value will.
func IsRefused(err error) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && len(answer.Code) == 5 && (answer.Code[:2] == "22" || answer.Code[:2] == "54")
}
