package house

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// Obey lets who can reach nothing but the process turn up its logs: SIGUSR1 puts the services at DEBUG for a quarter of
// an hour, SIGUSR2 ends that. Until the returned end.
func Obey(services ...Service) (end func()) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2)
	var done sync.WaitGroup
	done.Go(func() {
		for s := range signals {
			for _, svc := range services {
				if s == syscall.SIGUSR1 {
					svc.Verbose("SIGUSR1")
				} else {
					svc.Quiet("SIGUSR2")
				}
			}
		}
	})
	return sync.OnceFunc(func() {
		signal.Stop(signals)
		close(signals)
		done.Wait()
	})
}
