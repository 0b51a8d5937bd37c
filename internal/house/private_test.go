package house_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/internal/house"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/inproc"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

const limit = 30 * time.Second

// TestEveryPrivatePort: whatever a service is for, its private port has health and reflection, asks for a token, bounds
// messages, and sends away who pings without end. Each contract of the repository is some service's.
func TestEveryPrivatePort(t *testing.T) {
	running, signer := privatePorts(t)
	var offered []string
	for name, svc := range running {
		t.Run(name, func(t *testing.T) {
			conn, err := grpc.NewClient(svc.PrivateAddr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
			check(t, err)
			defer conn.Close() //nolint:errcheck // a test's connection
			token, err := signer.Token(name)
			check(t, err)
			known := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)

			_, err = healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{})
			wants(t, "health without a token", err, codes.Unauthenticated)
			_, err = listed(t.Context(), conn)
			wants(t, "reflection without a token", err, codes.Unauthenticated)
			_, err = healthv1.NewHealthClient(conn).Check(known, &healthv1.HealthCheckRequest{})
			wants(t, "health", err, codes.OK)
			_, err = healthv1.NewHealthClient(conn).Check(known, &healthv1.HealthCheckRequest{Service: strings.Repeat("x", 5<<20)})
			wants(t, "a message beyond its limit", err, codes.InvalidArgument)
			_, err = healthv1.NewHealthClient(conn).Check(known, &healthv1.HealthCheckRequest{Service: strings.Repeat("x", 17<<20)})
			wants(t, "a message beyond any limit", err, codes.ResourceExhausted)
			all, err := listed(known, conn)
			wants(t, "reflection", err, codes.OK)
			for _, want := range []string{"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"} {
				if !slices.Contains(all, want) {
					t.Errorf("reflection lists %v, and not %s", all, want)
				}
			}
			offered = append(offered, all...)
			if code := pinged(t, svc.PrivateAddr()); code != http2.ErrCodeEnhanceYourCalm {
				t.Errorf("who pings without end is told %v", code)
			}
		})
	}
	for _, contract := range contracts(t) {
		if !slices.Contains(offered, contract) {
			t.Errorf("nobody offers %s: %v", contract, offered)
		}
	}
}

// listed is what reflection says.
func listed(ctx context.Context, conn *grpc.ClientConn) (names []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	stream, err := reflectionv1.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		return nil, err
	}
	err = stream.Send(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}})
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	answer, err := stream.Recv()
	for _, s := range answer.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	return names, err
}

// pinged pings as no client of gRPC's does, until the server goes away, and returns why.
func pinged(t *testing.T, addr string) http2.ErrCode {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	check(t, err)
	defer conn.Close() //nolint:errcheck // a test's connection
	check(t, conn.SetDeadline(time.Now().Add(limit)))
	_, err = conn.Write([]byte(http2.ClientPreface))
	check(t, err)
	framer := http2.NewFramer(conn, conn)
	check(t, framer.WriteSettings())
	for i := range byte(10) {
		if framer.WritePing(false, [8]byte{i}) != nil {
			break // it is gone, and has said why
		}
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatalf("it does not go away: %v", err)
		}
		if bye, ok := frame.(*http2.GoAwayFrame); ok {
			return bye.ErrCode
		}
	}
}

// contracts are the gRPC services that the repository describes.
func contracts(t *testing.T) (names []string) {
	t.Helper()
	word := func(text, pattern string) string {
		found := regexp.MustCompile(`(?m)^` + pattern).FindStringSubmatch(text)
		if found == nil {
			return ""
		}
		return found[1]
	}
	for _, folder := range []string{"../../sidecar/contract", "../../services"} {
		check(t, filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".proto" {
				return err
			}
			text, err := os.ReadFile(path)
			if service := word(string(text), `service (\w+)`); service != "" {
				names = append(names, word(string(text), `package ([\w.]+);`)+"."+service)
			}
			return err
		}))
	}
	if len(names) < 5 {
		t.Fatalf("contracts are sought in the wrong place: %v", names)
	}
	return names
}

// privatePorts runs every service, on a database that does not answer: health and reflection need none.
func privatePorts(t *testing.T) (map[string]house.Service, *servicetoken.Signer) {
	t.Helper()
	dir := t.TempDir()
	broker, err := inproc.New(inproc.Settings{Dir: filepath.Join(dir, "bus")})
	check(t, err)
	t.Cleanup(func() { _ = broker.Close() })
	keys, book, running := servicetoken.Keys{}, &peers.Book{}, map[string]house.Service{}
	var signer *servicetoken.Signer
	for _, name := range house.Names() {
		key, err := servicetoken.LoadOrGenerateKey(filepath.Join(dir, name+".pem"))
		check(t, err)
		public, _ := key.Public().(ed25519.PublicKey)
		keys[name] = append(keys[name], public)
		signer, err = servicetoken.NewSigner(name, key)
		check(t, err)
	}
	for _, e := range house.Entries() {
		set := map[string]string{"HTTP_ADDR": "127.0.0.1:0", "RPC_ADDR": "127.0.0.1:0", "STATE_DIR": dir, "KEY_FILE": filepath.Join(dir, e.Name+".pem"), "STOP_TIMEOUT": "3s"}
		for _, s := range e.Schemas {
			set[s.URL] = "postgres://nobody@127.0.0.1:1/none"
		}
		var environ []string
		for _, name := range slices.Sorted(maps.Keys(set)) {
			environ = append(environ, settings.Variable(e.Name, name)+"="+set[name])
		}
		svc, err := e.New(t.Context(), environ, sidecar.Settings{Peers: book, Bus: broker.Open, Stderr: io.Discard, Keys: servicetoken.NewBundle(keys)})
		check(t, err)
		book.Set(e.Name, peers.Peer{HTTP: []string{svc.PublicAddr()}, RPC: []string{svc.PrivateAddr()}})
		ctx, cancel := context.WithCancel(context.Background())
		ran := make(chan error, 1)
		go func() { ran <- svc.Run(ctx) }()
		t.Cleanup(func() {
			_, _ = svc.Stop(context.Background()), <-ran // how they end is the lifecycle suite's to test
		})
		t.Cleanup(cancel) // of all of them first: each waits some time for a log store that is not there
		running[e.Name] = svc
	}
	return running, signer
}

func wants(t *testing.T, what string, err error, code codes.Code) {
	t.Helper()
	if status.Code(err) != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
