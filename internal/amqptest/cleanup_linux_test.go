package amqptest_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/amqptest"
	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// ending tells this test, run as a program of its own, how to end.
const ending = "SIGNALBOX_TEST_ENDING"

// H-2: however a test binary ends, no process and no folder of its servers is left within 5 s.
func TestH2_NothingIsLeft(t *testing.T) {
	if how := os.Getenv(ending); how != "" {
		end(t, how)
		return
	}
	for _, c := range []struct {
		how, timeout string
		fails        bool
	}{
		{how: "pass", timeout: "2m"},
		{how: "fail", timeout: "2m", fails: true},
		{how: "panic", timeout: "2m", fails: true},
		{how: "kill", timeout: "2m", fails: true},
		{how: "between", timeout: "2m", fails: true},
		{how: "timeout", timeout: "4s", fails: true},
	} {
		t.Run(c.how, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestH2_NothingIsLeft$", "-test.timeout="+c.timeout)
			cmd.Env = append(os.Environ(), ending+"="+c.how)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			root := rootOf(t, bufio.NewScanner(out))
			if left := users(root); c.how == "kill" && len(left) < 3 {
				t.Errorf("want a server, a node and a port mapper under %s before the end, found %v", root, left)
			}
			if c.how == "kill" || c.how == "between" {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			if err := cmd.Wait(); (err != nil) != c.fails {
				t.Errorf("the test binary ended with %v", err)
			}
			begin := time.Now()
			wait.For(t, 5*time.Second, "the servers' end", func() bool { return len(users(root)) == 0 })
			wait.For(t, 5*time.Second, "the folder's end", func() bool { _, err := os.Stat(root); return os.IsNotExist(err) })
			t.Logf("METRIC cleanup_after_%s_ms=%d limit=5000", c.how, time.Since(begin).Milliseconds())
		})
	}
}

// end starts servers, says where, and ends.
func end(t *testing.T, how string) {
	pg := pgtest.Server(t)
	if how == "kill" || how == "pass" {
		amqptest.New(t)
	}
	if how == "between" { // when no server is alive, its folder is still looked after
		if err := pg.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Println("ROOT", filepath.Dir(pg.Dir()))
	switch how {
	case "fail":
		t.Error("as planned")
	case "panic":
		panic("as planned")
	case "kill", "timeout", "between":
		<-make(chan struct{})
	}
}

func rootOf(t *testing.T, lines *bufio.Scanner) string {
	t.Helper()
	for lines.Scan() {
		if root, ok := strings.CutPrefix(lines.Text(), "ROOT "); ok {
			go func() {
				for lines.Scan() { // the rest is read, so that nobody waits for us
				}
			}()
			return root
		}
	}
	t.Fatal("the test binary ended before its servers ran")
	return ""
}

// users are the processes that work below a folder, or name it in their command line.
func users(root string) []string {
	var found []string
	procs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well formed
	for _, proc := range procs {
		cwd, _ := os.Readlink(filepath.Join(proc, "cwd")) // "" for one that just ended
		line, _ := os.ReadFile(filepath.Join(proc, "cmdline"))
		if strings.HasPrefix(cwd, root) || strings.Contains(string(line), root) {
			found = append(found, filepath.Base(proc)+" "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}
