package hop

import (
	"strings"

	"google.golang.org/grpc/codes"
)

// StatusName is gRPC's own spelling: OK, NOT_FOUND.
func StatusName(c codes.Code) string {
	if int(c) < len(names) {
		return names[c]
	}
	return strings.ToUpper(c.String())
}

// StatusCode is the code of such a name.
func StatusCode(name string) (codes.Code, bool) {
	for c, n := range names {
		if n == name {
			return codes.Code(c), true
		}
	}
	return codes.Unknown, false
}

var names = [...]string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}
