package intake

import (
	"net/http"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A shipper must not set aside what the other end only wants later.
func TestAnswersOverHTTPAreReadAsOTLPSays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		after  string
		want   codes.Code
		waits  bool
	}{
		{http.StatusTooManyRequests, "", codes.Unavailable, false},
		{http.StatusTooManyRequests, "3", codes.Unavailable, true},
		{http.StatusServiceUnavailable, "3", codes.Unavailable, true},
		{http.StatusRequestEntityTooLarge, "3", codes.ResourceExhausted, false},
		{http.StatusBadRequest, "", codes.InvalidArgument, false},
	} {
		h := http.Header{}
		if c.after != "" {
			h.Set("Retry-After", c.after)
		}
		got := status.Convert(refused(&http.Response{StatusCode: c.status, Status: http.StatusText(c.status), Header: h}, nil))
		if got.Code() != c.want || len(got.Details()) > 0 != c.waits {
			t.Errorf("%d, Retry-After %q: %v with %v, want %v", c.status, c.after, got.Code(), got.Details(), c.want)
		}
	}
}
