package mesh

import (
	"strings"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// methods knows which methods their contract declares to do no more when they are called twice:
//
//	rpc Read(ReadRequest) returns (ReadResponse) { option idempotency_level = NO_SIDE_EFFECTS; }
type methods struct{ known sync.Map } // full method → bool

func (m *methods) idempotent(method string) bool {
	if known, ok := m.known.Load(method); ok {
		return known.(bool)
	}
	is := declared(protoregistry.GlobalFiles, method)
	m.known.Store(method, is)
	return is
}

// declared reads the contract of /package.Service/Method; a method that is not known is not declared.
func declared(files *protoregistry.Files, method string) bool {
	name := protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(method, "/"), "/", "."))
	found, err := files.FindDescriptorByName(name)
	if err != nil {
		return false
	}
	options, ok := found.Options().(*descriptorpb.MethodOptions)
	return ok && options.GetIdempotencyLevel() != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN
}
