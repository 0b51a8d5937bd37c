package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// WindowError is why a service is not asked: all its replicas are in a maintenance window.
type WindowError struct {
	Service   string
	Message   string        // of the replica that is back first
	Remaining time.Duration // until then; 0: nobody knows
}

func (e *WindowError) Error() string {
	return fmt.Sprintf("%s is in a maintenance window: %s", e.Service, e.Message)
}

// window that a replica said it is in.
type window struct {
	message string
	until   time.Time // by the monotonic clock; zero: it has no end
}

// looks is how often an address is asked before its window counts: behind a name there may be several replicas.
const looks = 3

// lookLimit bounds what is read of a report, in bytes.
const lookLimit = 256 << 10

// newLooker asks over a connection of its own each time, so that the answers are not all of one replica.
func newLooker() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Look asks the replicas' /hc which of them are in a maintenance window, and is nil when some replica answers. One that
// does not keeps the window of which it spoke last: it may be that which it is away for. A service whose ops paths are
// elsewhere is in no window as far as can be seen.
func (t *Transport) Look(ctx context.Context, service string) error {
	all := t.peers.Resolve(service).HTTP
	if len(all) == 0 {
		return errors.New("the service has no address")
	}
	errs := make([]error, len(all))
	var parts sync.WaitGroup
	for i, address := range all {
		parts.Go(func() { errs[i] = t.look(ctx, address) })
	}
	parts.Wait()
	for _, err := range errs {
		if err == nil {
			return nil
		}
	}
	return errors.Join(errs...)
}

func (t *Transport) look(ctx context.Context, address string) error {
	var seen *window
	for range looks {
		w, err := t.ask(ctx, address)
		if err != nil {
			return err
		}
		if seen = w; seen == nil {
			break
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if seen == nil {
		delete(t.windows, address)
	} else {
		t.windows[address] = *seen
	}
	return nil
}

// ask reads one report; nil: no window is open there.
func (t *Transport) ask(ctx context.Context, address string) (*window, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/hc", nil)
	if err != nil {
		return nil, err
	}
	resp, err := t.looker.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var report struct {
		Window *struct {
			Message     string `json:"message"`
			RemainingMS int64  `json:"remaining_ms"`
		} `json:"window"`
	}
	if resp.StatusCode != http.StatusServiceUnavailable || json.NewDecoder(io.LimitReader(resp.Body, lookLimit)).Decode(&report) != nil || report.Window == nil {
		return nil, nil //nolint:nilnil // there is none, and that is no error
	}
	w := &window{message: report.Window.Message}
	if report.Window.RemainingMS > 0 {
		w.until = time.Now().Add(time.Duration(report.Window.RemainingMS) * time.Millisecond)
	}
	return w, nil
}

// closed is not nil when all replicas of the service are in a window.
func (t *Transport) closed(service string) *WindowError {
	all := t.peers.Resolve(service).HTTP
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.windows) == 0 || len(all) == 0 {
		return nil
	}
	now := time.Now()
	var first *WindowError
	for _, address := range all {
		w, ok := t.inWindow(address, now)
		if !ok {
			return nil
		}
		left := time.Duration(0)
		if !w.until.IsZero() {
			left = w.until.Sub(now)
		}
		if first == nil || left > 0 && (first.Remaining == 0 || left < first.Remaining) {
			first = &WindowError{Service: service, Message: w.message, Remaining: left}
		}
	}
	return first
}

// inWindow forgets a window that is over. t.mu is held.
func (t *Transport) inWindow(address string, now time.Time) (window, bool) {
	w, ok := t.windows[address]
	if ok && !w.until.IsZero() && !now.Before(w.until) {
		delete(t.windows, address)
		ok = false
	}
	return w, ok
}
