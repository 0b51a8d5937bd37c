package intake

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	rpc "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// webPath takes OTLP/HTTP, at the gateway and at view-service.
const webPath = "/api/maintenance/v1/otlp/v1/logs"

// webConn carries the shipper's calls over OTLP/HTTP with a user token of the role sender, for a mesh of which only the
// gateway can be reached. It implements grpc.ClientConnInterface. Safe for concurrent use.
type webConn struct {
	url, token string
	client     *http.Client
	trouble    atomic.Pointer[error] // of the latest call
}

func newWebConn(base, token string) (*webConn, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is no URL of a mesh: want http://HOST:PORT or https://HOST", base)
	}
	return &webConn{url: strings.TrimSuffix(base, "/") + webPath, token: token, client: &http.Client{Timeout: time.Minute}}, nil
}

// errStream: the shipper makes no streams.
var errStream = errors.New("streams cannot go over HTTP")

// NewStream implements grpc.ClientConnInterface.
func (c *webConn) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errStream
}

// Invoke implements grpc.ClientConnInterface; its errors are gRPC's.
func (c *webConn) Invoke(ctx context.Context, _ string, request, reply any, _ ...grpc.CallOption) error {
	err := c.export(ctx, request, reply)
	c.trouble.Store(&err)
	return err
}

// latest is what is wrong; nil when the latest call has succeeded, or there was none.
func (c *webConn) latest() error {
	if err := c.trouble.Load(); err != nil {
		return *err
	}
	return nil
}

func (c *webConn) export(ctx context.Context, request, reply any) error {
	req, ok := request.(proto.Message) // whose wire form is an ExportLogsServiceRequest
	into, ok2 := reply.(*collector.ExportLogsServiceResponse)
	if !ok || !ok2 {
		return status.Errorf(codes.Unimplemented, "%T cannot go over HTTP", request)
	}
	body, err := zipped(req)
	if err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, body)
	if err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	post.Header.Set("Authorization", "Bearer "+c.token)
	post.Header.Set("Content-Type", "application/x-protobuf")
	post.Header.Set("Content-Encoding", "gzip")
	answer, err := c.client.Do(post)
	if err != nil {
		return status.Error(codes.Unavailable, err.Error())
	}
	defer answer.Body.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return status.Error(codes.Unavailable, err.Error())
	}
	if answer.StatusCode != http.StatusOK {
		return refused(answer, text)
	}
	if err := proto.Unmarshal(text, into); err != nil {
		return status.Errorf(codes.Unavailable, "what answers at %s is no mesh: %v", c.url, err)
	}
	return nil
}

func zipped(m proto.Message) (io.Reader, error) {
	raw, err := proto.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode a batch: %w", err)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err = z.Write(raw)
	if err = errors.Join(err, z.Close()); err != nil {
		return nil, fmt.Errorf("compress a batch: %w", err)
	}
	return &b, nil
}

// refused is an answer as the shipper knows it: what to send again, what to split, and how long to wait.
func refused(answer *http.Response, text []byte) error {
	code := codes.Unavailable
	switch answer.StatusCode {
	case http.StatusBadRequest:
		code = codes.InvalidArgument
	case http.StatusUnauthorized:
		code = codes.Unauthenticated
	case http.StatusForbidden, http.StatusNotFound:
		code = codes.PermissionDenied
	case http.StatusRequestEntityTooLarge:
		code = codes.ResourceExhausted
	case http.StatusTooManyRequests: // by OTLP/HTTP one comes again, named time or not
		code = codes.Unavailable
	}
	s := status.Newf(code, "%s: %.300s", answer.Status, bytes.ToValidUTF8(said(answer, text), []byte("?")))
	seconds, err := strconv.ParseUint(answer.Header.Get("Retry-After"), 10, 16)
	if err != nil || answer.StatusCode == http.StatusRequestEntityTooLarge {
		return s.Err()
	}
	if told, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Duration(seconds) * time.Second)}); err == nil {
		s = told
	}
	return s.Err()
}

// said is the reason in an answer: OTLP/HTTP wraps it in a google.rpc.Status, encoded as the request was.
func said(answer *http.Response, text []byte) []byte {
	var reason rpc.Status
	if answer.Header.Get("Content-Type") == "application/x-protobuf" && proto.Unmarshal(text, &reason) == nil {
		return []byte(reason.GetMessage())
	}
	return text
}
