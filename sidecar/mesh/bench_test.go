package mesh_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	identityv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/identity/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

// benchServer has the test binary be the destination of a benchmark, in a process of its own, so that what is measured is
// the caller alone: it says where it listens, and ends with its standard input.
const benchServer = "SIGNALBOX_MESH_BENCH_SERVER"

func serveBench() {
	bundle, err := servicetoken.OpenBundle(os.Getenv(benchServer))
	if err != nil {
		panic(err)
	}
	srv := rpc.NewServer(rpc.Settings{Service: "identity", Bundle: bundle})
	any := rpc.AnyService()
	if err := srv.Register(&identityv1.IdentityService_ServiceDesc, identity{keys: fine}, map[string]rpc.Callers{"Keys": any, "RevokedSenders": any, "IssueAdminToken": any}); err != nil {
		panic(err)
	}
	private, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	public, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() { _ = srv.Serve(private) }()
	go func() { _ = http.Serve(public, says("well")) }() //nolint:gosec // a child of the benchmark's own
	_, _ = io.WriteString(os.Stdout, public.Addr().String()+" "+private.Addr().String()+"\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func startBench(b *testing.B, bundle string) (public, private string) {
	b.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), benchServer+"="+bundle)
	in, err := c.StdinPipe()
	check(b, err)
	out, err := c.StdoutPipe()
	check(b, err)
	check(b, c.Start())
	b.Cleanup(func() { _ = in.Close(); _ = c.Wait() })
	line := make([]byte, 100)
	n, err := out.Read(line)
	check(b, err)
	fields := strings.Fields(string(line[:n]))
	return fields[0], fields[1]
}

// cpu of this process until now.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCalls sets the clients of the mesh against plain ones that send the same token and have the same deadline, over as
// many connections: CPU of the caller's process for a call, by turns within one run, the middle one of all rounds.
//
//	go test ./sidecar/mesh -run '^$' -bench Calls -benchtime 10x
func BenchmarkCalls(b *testing.B) {
	w := newWorld(b, "gateway", "identity", "catalogs")
	public, private := startBench(b, w.file(b))
	m := w.calls(b, "gateway", peers.Static{"catalogs": {HTTP: []string{public}}, "identity": {RPC: []string{private}}},
		func(s *mesh.Settings) { s.Registerer = prometheus.NewRegistry() })
	conn, err := m.RPC("identity")
	check(b, err)
	plainConn, err := grpc.NewClient(private, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithPerRPCCredentials(bearer{w.signers["gateway"]}))
	check(b, err)
	defer plainConn.Close()
	kept := http.DefaultTransport.(*http.Transport).Clone() // what http.Client has by itself, but for as many connections as the mesh keeps
	kept.Proxy, kept.MaxIdleConnsPerHost, kept.DisableCompression = nil, 64, true
	plain := &http.Client{Transport: kept}
	defer plain.CloseIdleConnections()
	byHTTP := func(c *http.Client, base string, signer *servicetoken.Signer) func() error {
		return func() error {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, "GET", "http://"+base+"/v1/types", nil)
			if err != nil {
				return err
			}
			if signer != nil {
				token, err := signer.Token("catalogs")
				if err != nil {
					return err
				}
				r.Header.Set(hop.Token, token)
			}
			_, _, err = do(c, r)
			return err
		}
	}
	byRPC := func(c *grpc.ClientConn) func() error { return func() error { return call(c) } }
	for _, test := range []struct {
		name        string
		plain, mesh func() error
	}{
		{"http", byHTTP(plain, public, w.signers["gateway"]), byHTTP(m.HTTP("catalogs"), "catalogs", nil)},
		{"grpc", byRPC(plainConn), byRPC(conn)},
	} {
		b.Run(test.name, func(b *testing.B) {
			const workers, calls = 4, 500
			var spent [2][]float64 // µs a call, by round
			round := func(one func() error) time.Duration {
				before := cpu()
				var all sync.WaitGroup
				for range workers {
					all.Go(func() {
						for range calls {
							if err := one(); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
				return cpu() - before
			}
			perCall := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / (workers * calls) }
			round(test.plain)
			round(test.mesh)
			for b.Loop() {
				spent[0] = append(spent[0], perCall(round(test.plain)))
				spent[1] = append(spent[1], perCall(round(test.mesh)))
			}
			plain, mesh := middle(spent[0]), middle(spent[1])
			b.ReportMetric(plain, "plain-µs/call")
			b.ReportMetric(mesh, "mesh-µs/call")
			ratio := mesh / plain
			b.ReportMetric(ratio, "ratio")
			b.Logf("METRIC mesh_client_cpu_ratio{%s}=%.3f limit=1.1", test.name, ratio)
		})
	}
}

func middle(of []float64) float64 { return slices.Sorted(slices.Values(of))[len(of)/2] }

// bearer is the token of a plain client: the other end would refuse it otherwise.
type bearer struct{ signer *servicetoken.Signer }

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (p bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	token, err := p.signer.Token("identity")
	return map[string]string{"authorization": "Bearer " + token}, err
}

// RequireTransportSecurity implements credentials.PerRPCCredentials.
func (bearer) RequireTransportSecurity() bool { return false }
