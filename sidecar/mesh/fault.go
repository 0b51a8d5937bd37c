package mesh

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
)

// The protocols of calls between services, as edges of the topology have them.
const (
	HTTP = "http"
	GRPC = "grpc"
)

// Fault is what befalls a share of this service's calls to another: the value of a fault lease.
type Fault struct {
	Destination string  `json:"destination,omitempty"` // a service; "": all that have no fault of their own
	Protocol    string  `json:"protocol,omitempty"`    // http or grpc; "": both
	Share       float64 `json:"share"`                 // of calls, above 0, up to 1
	DelayMS     int64   `json:"delay_ms,omitempty"`    // before what follows; a call's deadline holds meanwhile
	Status      int     `json:"status,omitempty"`      // HTTP's answer, 400 to 599; nothing is sent
	Code        string  `json:"code,omitempty"`        // gRPC's answer, such as UNAVAILABLE; nothing is sent
	Abort       bool    `json:"abort,omitempty"`       // as if the connection were reset; nothing is sent
}

// ParseFault reads the value of a fault lease. An unknown field, and a value out of bounds, is an error that names it.
func ParseFault(value string) (Fault, error) {
	var f Fault
	if err := lease.Decode(value, &f); err != nil {
		return Fault{}, fmt.Errorf("read fault: %w", err)
	}
	if err := f.check(); err != nil {
		return Fault{}, fmt.Errorf("fault: %w", err)
	}
	return f, nil
}

// String is the canonical form, which ParseFault reads.
func (f Fault) String() string { return text(f) }

func (f Fault) check() error {
	switch {
	case !named(f.Destination):
		return fmt.Errorf("destination %.80q is no name of a service", f.Destination)
	case f.Protocol != "" && f.Protocol != HTTP && f.Protocol != GRPC:
		return fmt.Errorf("protocol %.80q: http or grpc is expected, or none for both", f.Protocol)
	case !(f.Share > 0 && f.Share <= 1):
		return fmt.Errorf("share %v: a share above 0, up to 1, is expected", f.Share)
	case f.DelayMS < 0 || f.DelayMS > maxDelayMS:
		return fmt.Errorf("delay_ms %d: 1 to %d are possible", f.DelayMS, maxDelayMS)
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return fmt.Errorf("status %d: 400 to 599 are possible", f.Status)
	case f.Status != 0 && f.Protocol == GRPC:
		return errors.New("status is of http: give code for grpc")
	case f.Code != "" && f.Protocol == HTTP:
		return errors.New("code is of grpc: give status for http")
	case f.Abort && (f.Status != 0 || f.Code != ""):
		return errors.New("abort is no answer: give it alone, or status and code")
	case f.DelayMS == 0 && f.Status == 0 && f.Code == "" && !f.Abort:
		return errors.New("it does nothing: give delay_ms, status, code or abort")
	}
	if code, ok := hop.StatusCode(f.Code); f.Code != "" && (!ok || code == codes.OK) {
		return fmt.Errorf("code %.80q is none of gRPC's errors, such as UNAVAILABLE", f.Code)
	}
	return nil
}

// does says whether the fault does anything to calls by the protocol.
func (f Fault) does(protocol string) bool {
	if f.Protocol != "" && f.Protocol != protocol {
		return false
	}
	return f.DelayMS > 0 || f.Abort || protocol == HTTP && f.Status != 0 || protocol == GRPC && f.Code != ""
}
