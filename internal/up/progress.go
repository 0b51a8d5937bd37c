package up

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// progress tells people what starts and what is there, a line each. Safe for concurrent use.
type progress struct {
	mu  sync.Mutex
	out io.Writer
}

// step runs do and prints one line for it when it is through: what came of it, or the cause. What was broken off because
// ctx was canceled (Ctrl-C, or the failure of a step beside it) has no cause of its own, and no line.
func (p *progress) step(ctx context.Context, what string, do func() (detail string, err error)) error {
	began := time.Now()
	detail, err := do()
	took := time.Since(began).Round(10 * time.Millisecond)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return err
	}
	if err != nil {
		p.printf("  ✗ %-13s %v\n", what, err)
		return err
	}
	p.printf("  ✓ %-13s %-52s %8s\n", what, detail, took)
	return nil
}

func (p *progress) printf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, format, args...) //nolint:errcheck // a closed terminal must not stop a mesh
}
