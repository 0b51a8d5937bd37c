package ingest

import (
	"bytes"
	"context"

	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/emptypb"
)

const (
	maxNesting = 2000    // messages in one another
	maxParts   = 1 << 20 // messages in one request: records, attributes, values. Two bytes of the wire make one of 200 in memory
)

// ServiceDesc is OTLP's LogsService, with a method that looks at what has come before it becomes a tree in memory.
func ServiceDesc() *grpc.ServiceDesc {
	desc := collogspb.LogsService_ServiceDesc
	desc.Methods = []grpc.MethodDesc{{MethodName: "Export", Handler: exportRaw}}
	return &desc
}

// exportRaw reads the message as one that has no fields, which leaves its bytes as they are.
func exportRaw(srv any, ctx context.Context, dec func(any) error, _ grpc.UnaryServerInterceptor) (any, error) { //nolint:revive // grpc's signature
	raw := &emptypb.Empty{}
	if err := dec(raw); err != nil {
		return nil, err
	}
	return srv.(*Receiver).take(ctx, func() (message, error) { //nolint:forcetypeassert // it is registered with this one
		return ofBytes(raw.ProtoReflect().GetUnknown())
	})
}

// decode refuses what would take far more memory than it has bytes. Texts that are none are mended: they keep no
// other record out.
func decode(raw []byte, media string) (*collogspb.ExportLogsServiceRequest, error) {
	out := &collogspb.ExportLogsServiceRequest{}
	kind := out.ProtoReflect().Descriptor()
	if !modest(raw, media, kind) {
		return nil, status.Error(codes.InvalidArgument, "more than a million records, attributes and values in one batch; send smaller ones")
	}
	read, mend := fromProtobuf, func() []byte { return mendProtobuf(raw, kind, 0) }
	if media == TypeJSON {
		read, mend = fromJSON, func() []byte { return mendJSON(raw) }
	}
	if read(raw, out) != nil && read(mend(), out) != nil {
		return nil, status.Error(codes.InvalidArgument, "the body is no ExportLogsServiceRequest")
	}
	return out, nil
}

func fromProtobuf(raw []byte, out *collogspb.ExportLogsServiceRequest) error {
	return proto.UnmarshalOptions{RecursionLimit: maxNesting, DiscardUnknown: true}.Unmarshal(raw, out)
}

func fromJSON(raw []byte, out *collogspb.ExportLogsServiceRequest) error {
	err := protojson.UnmarshalOptions{RecursionLimit: maxNesting, DiscardUnknown: true}.Unmarshal(raw, out)
	if err == nil {
		hexIDs(out)
	}
	return err
}

// modest reports that the request has at most maxParts messages in it. A short one cannot have more.
func modest(raw []byte, media string, kind protoreflect.MessageDescriptor) bool {
	switch {
	case len(raw) <= 2*maxParts:
		return true
	case media == TypeJSON:
		return bytes.Count(raw, []byte("{")) <= maxParts
	default:
		return parts(raw, kind, 0, maxParts) <= maxParts
	}
}

// parts counts the messages in raw, and stops soon after most. What is no protobuf is left to who decodes it.
func parts(raw []byte, kind protoreflect.MessageDescriptor, depth, most int) (n int) {
	for len(raw) > 0 && n <= most && depth < maxNesting {
		num, wire, size := protowire.ConsumeTag(raw)
		if size < 0 {
			return n
		}
		raw = raw[size:]
		size = protowire.ConsumeFieldValue(num, wire, raw)
		if size < 0 {
			return n
		}
		if field := kind.Fields().ByNumber(num); wire == protowire.BytesType && field != nil && field.Message() != nil {
			inner, _ := protowire.ConsumeBytes(raw)
			n += 1 + parts(inner, field.Message(), depth+1, most-n)
		}
		raw = raw[size:]
	}
	return n
}
