package problem

import (
	"net/http"

	"google.golang.org/grpc/codes"
)

// HTTPStatus is the status that goes with a code; an unknown code is 500.
func HTTPStatus(c Code) int {
	switch c {
	case Invalid:
		return http.StatusBadRequest
	case NotFound:
		return http.StatusNotFound
	case Conflict:
		return http.StatusConflict
	case Unauthorized:
		return http.StatusUnauthorized
	case Forbidden:
		return http.StatusForbidden
	case Unavailable:
		return http.StatusServiceUnavailable
	case TooMany:
		return http.StatusTooManyRequests
	default:
		return http.StatusInternalServerError
	}
}

// FromHTTPStatus is the code that a bare status stands for, where no problem document came with it.
func FromHTTPStatus(status int) Code {
	switch status {
	case http.StatusNotFound, http.StatusGone:
		return NotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return Conflict
	case http.StatusUnauthorized:
		return Unauthorized
	case http.StatusForbidden:
		return Forbidden
	case http.StatusTooManyRequests:
		return TooMany
	case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		return Unavailable
	}
	if status >= 400 && status < 500 {
		return Invalid
	}
	return Internal
}

// GRPC is the status code that goes with a code; an unknown code is codes.Internal.
func GRPC(c Code) codes.Code {
	switch c {
	case Invalid:
		return codes.InvalidArgument
	case NotFound:
		return codes.NotFound
	case Conflict:
		return codes.Aborted
	case Unauthorized:
		return codes.Unauthenticated
	case Forbidden:
		return codes.PermissionDenied
	case Unavailable:
		return codes.Unavailable
	case TooMany:
		return codes.ResourceExhausted
	default:
		return codes.Internal
	}
}

// FromGRPC is the way back. Codes that a server of another make may send land on their nearest kin.
func FromGRPC(c codes.Code) Code {
	switch c {
	case codes.InvalidArgument, codes.OutOfRange:
		return Invalid
	case codes.NotFound:
		return NotFound
	case codes.Aborted, codes.AlreadyExists, codes.FailedPrecondition:
		return Conflict
	case codes.Unauthenticated:
		return Unauthorized
	case codes.PermissionDenied:
		return Forbidden
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return Unavailable
	case codes.ResourceExhausted:
		return TooMany
	default:
		return Internal
	}
}
