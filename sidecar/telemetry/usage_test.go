package telemetry

import (
	"runtime"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

func TestAProcessKnowsWhatItTakes(t *testing.T) {
	t.Parallel()
	p := NewProcess()
	u := p.Usage()
	if u.Heap < 1<<10 || u.Goroutines < 2 {
		t.Errorf("%+v", u)
	}
	if runtime.GOOS == "linux" && u.Resident < u.Heap {
		t.Errorf("less memory than its heap: %+v", u)
	}
	busy := 0
	wait.For(t, 30*time.Second, "the processor's time to be counted", func() bool {
		for range 1_000_000 {
			busy++
		}
		return p.Usage().CPU > u.CPU
	})
}

func BenchmarkUsage(b *testing.B) {
	p := NewProcess()
	for b.Loop() {
		p.Usage()
	}
}
