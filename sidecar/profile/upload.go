package profile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	profilev1 "github.com/signalbox-mesh/signalbox/sidecar/contract/profile/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
)

const (
	chunkSize   = 256 << 10 // bytes of one message
	streamLimit = 2 * time.Minute
	uploadLimit = 10 * time.Minute // until a capture that nobody takes is given up
	firstRetry  = 100 * time.Millisecond
	lastRetry   = 10 * time.Second
)

// upload tries until the profile is stored, view-service refuses it, or its time is over.
func (c *Collector) upload(ctx context.Context, one *capture) error {
	ctx, cancel := context.WithTimeout(ctx, uploadLimit)
	defer cancel()
	for delay := firstRetry; ; delay = min(2*delay, lastRetry) {
		err := c.attempt(ctx, one)
		if err == nil || final(err) {
			return err
		}
		if pause.For(ctx, delay) != nil {
			return fmt.Errorf("given up: %w", err)
		}
	}
}

// final: it will not be another time either.
func final(err error) bool {
	switch status.Code(err) {
	case codes.InvalidArgument, codes.NotFound, codes.PermissionDenied, codes.FailedPrecondition:
		return true
	default:
		return false
	}
}

// attempt sends what is not there yet. Doing it again, from wherever it was cut off, is safe.
func (c *Collector) attempt(ctx context.Context, one *capture) error {
	begun, err := c.settings.Client.Begin(ctx, &profilev1.BeginRequest{
		LeaseId: one.lease.ID, Service: c.settings.Service, Instance: c.settings.Instance, Profile: one.request.Kind,
		From: timestamppb.New(one.from), Until: timestamppb.New(one.until), Size: one.size, Sha256: one.sha, Cut: one.cut,
	})
	if err != nil {
		return fmt.Errorf("announce the profile: %w", err)
	}
	if begun.GetComplete() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, streamLimit)
	defer cancel()
	stream, err := c.settings.Client.Upload(ctx)
	if err != nil {
		return fmt.Errorf("upload the profile: %w", err)
	}
	err = send(stream, begun, io.NewSectionReader(one.file, 0, one.size))
	answer, closed := stream.CloseAndRecv()
	switch {
	case closed != nil: // why sending ended, too
		return fmt.Errorf("upload the profile: %w", closed)
	case err != nil:
		return err
	case !answer.GetComplete():
		return errors.New("view-service has not all of the profile")
	}
	return nil
}

func send(stream profilev1.ProfileService_UploadClient, begun *profilev1.BeginResponse, data *io.SectionReader) error {
	buffer := make([]byte, chunkSize)
	at := begun.GetOffset()
	for first := true; first || at < data.Size(); first = false {
		n, err := data.ReadAt(buffer, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the profile: %w", err)
		}
		r := &profilev1.UploadRequest{Offset: at, Data: buffer[:n]}
		if first {
			r.Id = begun.GetId()
		}
		if err := stream.Send(r); err != nil {
			return fmt.Errorf("upload the profile: %w", err)
		}
		at += int64(n)
	}
	return nil
}
