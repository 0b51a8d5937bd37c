package ingest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Bounds of OTLP/HTTP.
const (
	MaxBody     = 4 << 20  // bytes of a body as it comes
	maxUnpacked = 16 << 20 // and unpacked
	readLimit   = 30 * time.Second
)

// Media types of OTLP/HTTP.
const (
	TypeProtobuf = "application/x-protobuf"
	TypeJSON     = "application/json"
)

// ServeHTTP is OTLP/HTTP: the body is an ExportLogsServiceRequest in protobuf or JSON, gzipped or not, bounded by
// whoever registers the handler to MaxBody. Answers, errors too, are in the encoding of the request, as OTLP
// demands: an error is a google.rpc.Status, with Retry-After where coming again is of use.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	media, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil || (media != TypeProtobuf && media != TypeJSON) {
		r.fail(w, TypeJSON, http.StatusUnsupportedMediaType, status.New(codes.InvalidArgument, "the content type must be "+TypeProtobuf+" or "+TypeJSON))
		return
	}
	raw, err := body(w, req)
	if err != nil {
		r.metrics.refuse(err)
	}
	var answer *collogspb.ExportLogsServiceResponse
	if err == nil {
		answer, err = r.take(req.Context(), func() (message, error) {
			return unpacked(raw, req.Header.Get("Content-Encoding"), media)
		})
	}
	if err != nil {
		st := status.Convert(err)
		r.fail(w, media, statusOf(st.Code(), err), st)
		return
	}
	write(w, media, http.StatusOK, answer)
}

var errLarge = errors.New("larger than is taken")

// body reads all that came, and decodes nothing: a slow sender holds nobody up.
func body(w http.ResponseWriter, req *http.Request) ([]byte, error) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(readLimit)) // a test's recorder has none
	raw, err := io.ReadAll(req.Body)
	var cut *http.MaxBytesError
	switch {
	case errors.As(err, &cut):
		return nil, large("the body is larger than 4 MiB; send smaller batches")
	case err != nil:
		return nil, status.Error(codes.InvalidArgument, "the body did not arrive whole")
	}
	_ = control.SetReadDeadline(time.Time{})
	return raw, nil
}

func unpacked(raw []byte, encoding, media string) (message, error) {
	plain, err := unpack(raw, encoding)
	if err != nil {
		return message{}, err
	}
	if media == TypeProtobuf {
		return ofBytes(plain)
	}
	req, err := decode(plain, media)
	if err != nil {
		return message{}, err
	}
	return ofTree(req), nil
}

// unpack stops at its bound, whatever the body promises to become.
func unpack(raw []byte, encoding string) ([]byte, error) {
	switch encoding {
	case "", "identity":
		return raw, nil
	case "gzip":
	default:
		return nil, status.Error(codes.InvalidArgument, "the content encoding must be gzip or none")
	}
	zip, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, "the body is not gzip")
	}
	plain, err := io.ReadAll(io.LimitReader(zip, maxUnpacked+1))
	switch {
	case len(plain) > maxUnpacked:
		return nil, large("the body is larger than 16 MiB when it is unpacked; send smaller batches")
	case err != nil:
		return nil, status.Error(codes.InvalidArgument, "the body is not whole gzip")
	}
	return plain, nil
}

// sized is a refusal that HTTP has a status of its own for.
type sized struct{ *status.Status }

func large(text string) error { return sized{status.New(codes.InvalidArgument, text)} }

func (s sized) Error() string              { return s.Message() }
func (s sized) GRPCStatus() *status.Status { return s.Status }
func (s sized) Is(target error) bool       { return target == errLarge }

func statusOf(code codes.Code, err error) int {
	if errors.Is(err, errLarge) {
		return http.StatusRequestEntityTooLarge
	}
	return problem.HTTPStatus(problem.FromGRPC(code))
}

func (r *Receiver) fail(w http.ResponseWriter, media string, code int, st *status.Status) {
	if after := retryAfter(st, code); after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((after+time.Second-1)/time.Second)))
	}
	write(w, media, code, st.Proto())
}

func retryAfter(st *status.Status, code int) time.Duration {
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	if code == http.StatusServiceUnavailable {
		return time.Second
	}
	return 0
}

func write(w http.ResponseWriter, media string, code int, m proto.Message) {
	encode := proto.Marshal
	if media == TypeJSON {
		encode = protojson.Marshal
	}
	raw, err := encode(m)
	if err != nil { // our own message: it cannot be
		code, raw = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", media)
	w.WriteHeader(code)
	_, _ = w.Write(raw)
}
