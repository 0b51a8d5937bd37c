package health

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

// Window takes the instance out of service while it lasts: /hc says 503 (out_of_service), /liveness goes on as ever, and
// requests that come all the same are answered.
type Window struct {
	Message string    // for whoever is turned away
	Until   time.Time // by the monotonic clock; zero: until it is closed
}

// WindowReport is what /hc says of the windows that are open.
type WindowReport struct {
	Message     string `json:"message"`                // of all that are open
	RemainingMS int64  `json:"remaining_ms,omitempty"` // until the last of them closes; missing: it has no end
}

// maxMessage bounds a window's message, in bytes.
const maxMessage = 500

// ParseWindow reads the value of a lease, {"message":"upgrade of the disk"}.
func ParseWindow(value string) (message string, err error) {
	var in struct {
		Message string `json:"message"`
	}
	if err := lease.Decode(value, &in); err != nil {
		return "", fmt.Errorf(`a window is {"message":"…"}: %w`, err)
	}
	message = strings.Join(strings.FieldsFunc(in.Message, blank), " ") // it is shown in one line
	if message == "" || len(message) > maxMessage || !utf8.ValidString(message) {
		return "", fmt.Errorf("the message says in up to %d bytes why the service is away", maxMessage)
	}
	return message, nil
}

func blank(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// SetWindows makes these the windows that are open, in the place of those before; none puts the instance back. A window
// that is over counts no more, even when nobody says so.
func (h *Health) SetWindows(all []Window) {
	h.override(func() { h.windows = slices.Clone(all) })
}

// Windows is the effect of leases of kind "window".
func (h *Health) Windows() lease.Effect { return windows{h} }

type windows struct{ health *Health }

// Apply implements lease.Effect. Those who are to be told of the change are told from elsewhere: a log that hangs does not
// hold up the leases.
func (w windows) Apply(all []lease.Lease) map[string]error {
	refused := map[string]error{}
	var open []Window
	for _, l := range all {
		message, err := ParseWindow(l.Value)
		if err != nil {
			refused[l.ID] = err
			continue
		}
		open = append(open, Window{Message: message, Until: l.Until})
	}
	h := w.health
	h.mu.Lock()
	h.windows = open
	h.settle()
	h.mu.Unlock()
	go h.say()
	return refused
}

// window sums up those that are open at the time; nil: none is. h.mu is held.
func (h *Health) window(now time.Time) *WindowReport {
	var messages []string
	remaining, endless := int64(1), false
	for _, w := range h.windows {
		left := w.Until.Sub(now)
		if !w.Until.IsZero() && left <= 0 {
			continue
		}
		if !slices.Contains(messages, w.Message) {
			messages = append(messages, w.Message)
		}
		endless = endless || w.Until.IsZero()
		remaining = max(remaining, left.Milliseconds())
	}
	if messages == nil {
		return nil
	}
	if endless {
		remaining = 0
	}
	return &WindowReport{Message: strings.Join(messages, "; "), RemainingMS: remaining}
}
