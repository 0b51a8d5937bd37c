package logging

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	otlp "go.opentelemetry.io/proto/otlp/logs/v1"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// crashes are the ends of a process that the runtime writes of, and what it then says.
var crashes = map[string]struct {
	words string // in the message
	stack string // in the stack
	end   func()
}{
	"panic":            {"panic: the end of the child", "panicking", panicking},
	"nil pointer":      {"panic: runtime error: invalid memory address", "dereferencing", dereferencing},
	"panic elsewhere":  {"panic: the end of the child", "panicking", func() { go panicking(); select {} }},
	"concurrent map":   {"fatal error: concurrent map access", "writingTogether", writingTogether},
	"deadlock":         {"fatal error: all goroutines are asleep - deadlock!", "waitingForNobody", nil},
	"out of memory":    {"fatal error: out of memory", "eating", eating},
	"unlocked a mutex": {"fatal error: misuse of a lock", "unlocking", unlocking},
}

//go:noinline
func panicking() { panic("the end of the child") }

//go:noinline
func dereferencing() { fmt.Println(absent(len(os.Args)).Name) }

//go:noinline
func absent(n int) *exec.Error {
	if n < 0 {
		return &exec.Error{}
	}
	return nil
}

//go:noinline
func writingTogether() {
	m := map[int]int{}
	for range 4 {
		go func() {
			for i := 0; ; i++ {
				m[i%10] = i
			}
		}()
	}
	select {}
}

//go:noinline
func unlocking() { new(sync.Mutex).Unlock() }

//go:noinline
func eating() {
	if err := unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: 1 << 30, Max: 1 << 30}); err != nil {
		panic(err)
	}
	var all [][]byte
	for {
		b := make([]byte, 64<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		all = append(all, b)
		if len(all) > 64 {
			panic("there is no limit")
		}
	}
}

// TestCrashingChild is the child of the test below, and nothing on its own.
func TestCrashingChild(t *testing.T) {
	dir, kind := os.Getenv("LOGGING_TEST_CRASH_DIR"), os.Getenv("LOGGING_TEST_CRASH")
	if dir == "" {
		return
	}
	if err := spool.CrashOutput(dir); err != nil {
		t.Fatal(err)
	}
	crashes[kind].end()
	t.Error("it has not crashed")
}

// TestCrashesReachTheStore: however a process ends that the runtime writes of, the next start ships its last
// words, with the stack, as one ERROR.
func TestCrashesReachTheStore(t *testing.T) {
	t.Parallel()
	for kind, want := range crashes {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := settings(t, "catalogs-1")
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestCrashingChild$", "-test.timeout=0")
			if want.end == nil {
				cmd = exec.CommandContext(ctx, built(t, "deadlock"), s.SpoolDir)
			}
			cmd.Env = append(os.Environ(), "LOGGING_TEST_CRASH_DIR="+s.SpoolDir, "LOGGING_TEST_CRASH="+kind)
			out, err := cmd.CombinedOutput()
			if err == nil || cmd.ProcessState.ExitCode() == 1 {
				t.Fatalf("the child has not crashed: %v\n%.2000s", err, out)
			}
			record, logger := afterCrash(t, s)
			if record == nil {
				t.Fatalf("no last words of\n%.2000s", out)
			}
			if logger != "catalogs.crash" || record.SeverityNumber != otlp.SeverityNumber_SEVERITY_NUMBER_ERROR ||
				!strings.Contains(record.Body.GetStringValue(), want.words) {
				t.Errorf("%s %s %q, want %q", logger, record.SeverityNumber, record.Body.GetStringValue(), want.words)
			}
			for _, a := range record.Attributes {
				if a.Key == KeyStack && !strings.Contains(a.Value.GetStringValue(), want.stack) {
					t.Errorf("%s is not in the stack\n%s", want.stack, a.Value.GetStringValue())
				}
			}
			if again, _ := afterCrash(t, s); again != nil {
				t.Errorf("told twice: %s", again.Body)
			}
		})
	}
}

// built is a program of testdata.
func built(t *testing.T, name string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	cmd := exec.Command("go", "build", "-o", path, "./testdata/"+name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// afterCrash starts the service anew, has it ship all, and returns what it says of a crash.
func afterCrash(t *testing.T, s Settings) (record *otlp.LogRecord, logger string) {
	t.Helper()
	l, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	taken := &crashStore{}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	shipped := make(chan struct{})
	go func() { defer close(shipped); _ = l.Ship(ctx, taken) }()
	if err := l.Drain(ctx); err != nil {
		t.Error(err)
	}
	cancel()
	<-shipped
	if err := l.Close(t.Context()); err != nil {
		t.Error(err)
	}
	return taken.record, taken.logger
}

// crashStore is a connection to a store that looks for the records of crashes.
type crashStore struct {
	grpc.ClientConnInterface
	mu     sync.Mutex
	record *otlp.LogRecord
	logger string
}

func (c *crashStore) Invoke(_ context.Context, _ string, args, reply any, _ ...grpc.CallOption) error {
	raw, err := proto.Marshal(args.(proto.Message))
	if err != nil {
		return err
	}
	request := &collector.ExportLogsServiceRequest{} // as the wire has it
	if err := proto.Unmarshal(raw, request); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rl := range request.ResourceLogs {
		for _, sl := range rl.ScopeLogs {
			for _, r := range sl.LogRecords {
				if strings.HasPrefix(r.Body.GetStringValue(), "process crashed") {
					c.record, c.logger = r, sl.Scope.Name
				}
			}
		}
	}
	proto.Reset(reply.(proto.Message))
	return nil
}
