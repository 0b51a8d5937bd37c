package mesh

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// TestANameIsTheHostsBehindIt, those of IPv4 where there are both, and what was known while it cannot be looked up.
func TestANameIsTheHostsBehindIt(t *testing.T) {
	n := newNames()
	defer n.close()
	found, failure := []string{"10.0.0.2", "10.0.0.1", "fd00::1"}, error(nil)
	n.look = func(context.Context, string) (all []netip.Addr, _ error) {
		for _, f := range found {
			all = append(all, netip.MustParseAddr(f))
		}
		return all, failure
	}
	expect := func(want ...string) {
		t.Helper()
		if got := n.resolve(t.Context(), []string{"127.0.0.1:1", "catalogs:80"}); !slices.Equal(got, append([]string{"127.0.0.1:1"}, want...)) {
			t.Errorf("got %v, want %v after it", got, want)
		}
	}
	later := func() { n.known["catalogs"].looked = time.Now().Add(-lookEvery) }
	expect("10.0.0.1:80", "10.0.0.2:80")
	found = []string{"10.0.0.3"}
	expect("10.0.0.1:80", "10.0.0.2:80") // not again so soon
	later()
	expect("10.0.0.3:80")
	failure, found = errors.New("no server"), nil
	later()
	expect("10.0.0.3:80")
	failure, found = nil, []string{"fd00::1"}
	later()
	expect("[fd00::1]:80")
	if got := n.expand([]string{"identity:80"}); !slices.Equal(got, []string{"identity:80"}) {
		t.Errorf("not looked up yet: %v", got)
	}
}

func TestDeclaredMethods(t *testing.T) {
	t.Parallel()
	level := func(l descriptorpb.MethodOptions_IdempotencyLevel) *descriptorpb.MethodOptions {
		return &descriptorpb.MethodOptions{IdempotencyLevel: &l}
	}
	method := func(name string, o *descriptorpb.MethodOptions) *descriptorpb.MethodDescriptorProto {
		return &descriptorpb.MethodDescriptorProto{Name: proto.String(name), InputType: proto.String(".t.v1.M"), OutputType: proto.String(".t.v1.M"), Options: o}
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("t.proto"), Package: proto.String("t.v1"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("M")}},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("S"), Method: []*descriptorpb.MethodDescriptorProto{
			method("Read", level(descriptorpb.MethodOptions_NO_SIDE_EFFECTS)), method("Put", level(descriptorpb.MethodOptions_IDEMPOTENT)), method("Add", nil),
		}}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	files := &protoregistry.Files{}
	if err := files.RegisterFile(file); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"/t.v1.S/Read": true, "/t.v1.S/Put": true, "/t.v1.S/Add": false, "/t.v1.S/None": false, "": false} {
		if got := declared(files, name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
