package problem

import (
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// domain marks the ErrorInfo that carries our code through gRPC.
const domain = "signalbox"

// Status is err as a gRPC status: code, the sentence fit for the caller and the fields. The cause
// stays here. A status that err already carries is kept only when it came from our own domain.
func Status(err error) *status.Status {
	if err == nil {
		return status.New(codes.OK, "")
	}
	e := public(err)
	st := status.New(GRPC(e.Code), e.Detail)
	rich, derr := st.WithDetails(&errdetails.ErrorInfo{Reason: string(e.Code), Domain: domain})
	if derr != nil {
		return st
	}
	if len(e.Fields) == 0 {
		return rich
	}
	if full, ferr := rich.WithDetails(badRequest(e.Fields)); ferr == nil {
		return full
	}
	return rich
}

func badRequest(fields []Field) *errdetails.BadRequest {
	br := &errdetails.BadRequest{}
	for _, f := range fields {
		br.FieldViolations = append(br.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: f.Name, Description: f.Detail})
	}
	return br
}

// FromStatus turns the error of a gRPC call into a *Error: the code, detail and fields that the
// other side gave, with err itself as the cause. The detail of a server that is not ours stays
// inside. It is nil for nil.
func FromStatus(err error) *Error {
	if err == nil {
		return nil
	}
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	st, ok := status.FromError(err)
	if !ok {
		return &Error{Code: CodeOf(err), Detail: sentence(CodeOf(err)), Err: err}
	}
	return fromStatus(st, err)
}

func fromStatus(st *status.Status, cause error) *Error {
	code := FromGRPC(st.Code())
	e := &Error{Code: code, Detail: sentence(code), Err: cause}
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			if d.GetDomain() == domain && known(Code(d.GetReason())) {
				e.Code, e.Detail = Code(d.GetReason()), st.Message()
			}
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				e.Fields = append(e.Fields, Field{Name: v.GetField(), Detail: v.GetDescription()})
			}
		}
	}
	return e
}

func known(c Code) bool {
	switch c {
	case Invalid, NotFound, Conflict, Unauthorized, Forbidden, Unavailable, TooMany, Internal:
		return true
	default:
		return false
	}
}
