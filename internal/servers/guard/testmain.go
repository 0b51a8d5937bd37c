package guard

import (
	"context"
	"sync"
)

// atExit is what the test kits want done after the last test. A test binary is one program with one
// end, hence the package's only state.
var atExit struct {
	sync.Mutex
	todo []func()
}

// AtExit registers what TestMain does after the last test, last registered first. For test kits.
func AtExit(undo func()) {
	atExit.Lock()
	defer atExit.Unlock()
	atExit.todo = append(atExit.todo, undo)
}

// TestMain runs the tests of a binary that starts servers, stops what the test kits share, and returns
// the exit code:
//
//	func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }
func TestMain(m interface{ Run() int }) int {
	Maybe()
	code := m.Run()
	atExit.Lock()
	todo := atExit.todo
	atExit.todo = nil
	atExit.Unlock()
	for i := len(todo) - 1; i >= 0; i-- {
		todo[i]()
	}
	return code
}

// Keep starts a guard without a server, which removes the folders when the program dies without having
// stopped it. It covers the moments when no server, and so no other guard, is alive.
func Keep(ctx context.Context, dirs ...string) (*Process, error) {
	return Start(ctx, Command{Name: "keep", Remove: dirs})
}
