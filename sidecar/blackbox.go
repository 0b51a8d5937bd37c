package sidecar

import (
	"errors"
	"fmt"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

// Bounds of a black box.
const (
	leastBox     = 64 << 10 // bytes
	mostBox      = 256 << 20
	mostBoxTime  = time.Hour
	defaultBox   = 8 << 20
	defaultKeeps = 30 // seconds
)

// blackBox is the effect of leases of kind "blackbox": the strongest says what is kept, and without one the settings do.
type blackBox struct {
	box      *logging.BlackBox
	baseline logging.BlackBoxSettings
}

// Apply implements lease.Effect.
func (b blackBox) Apply(all []lease.Lease) (refused map[string]error) {
	refused = map[string]error{}
	in := b.baseline
	for _, l := range all {
		set, err := parseBlackBox(l.Value)
		if err != nil {
			refused[l.ID] = err
			continue
		}
		in = set
	}
	b.box.Set(in)
	return refused
}

// parseBlackBox reads {"share":0.1,"bytes":8388608,"seconds":30,"latency_ms":0}.
func parseBlackBox(value string) (set logging.BlackBoxSettings, err error) {
	v := struct {
		Share     float64 `json:"share"`
		Bytes     int64   `json:"bytes"`
		Seconds   float64 `json:"seconds"`
		LatencyMS float64 `json:"latency_ms"`
	}{Share: 1, Bytes: defaultBox, Seconds: defaultKeeps}
	if err := lease.Decode(value, &v); err != nil {
		return set, fmt.Errorf("the black box's settings cannot be read: %w", err)
	}
	const most = float64(mostBoxTime / time.Millisecond)
	if !(v.Seconds >= 0 && v.Seconds*1000 <= most) || !(v.LatencyMS >= 0 && v.LatencyMS <= most) {
		return set, errors.New("seconds and latency_ms are not from 0 to one hour")
	}
	set = logging.BlackBoxSettings{Share: v.Share, Bytes: v.Bytes, Keep: time.Duration(v.Seconds * float64(time.Second)),
		Latency: time.Duration(v.LatencyMS * float64(time.Millisecond))}
	return set, checkBlackBox(set)
}

func checkBlackBox(s logging.BlackBoxSettings) error {
	switch {
	case !(s.Share >= 0 && s.Share <= 1):
		return errors.New("the share is not from 0 to 1")
	case s.Bytes < leastBox || s.Bytes > mostBox:
		return errors.New("the size is not from 64 KiB to 256 MiB")
	case s.Keep < 0 || s.Keep > mostBoxTime || s.Latency < 0 || s.Latency > mostBoxTime:
		return errors.New("a time is not from 0 to one hour")
	}
	return nil
}

// boxBaseline is what the operator has set.
func (s *Sidecar) boxBaseline() (set logging.BlackBoxSettings, err error) {
	c := s.config
	set = logging.BlackBoxSettings{Share: c.BlackBoxShare, Bytes: int64(c.BlackBoxBytes), Keep: c.BlackBoxKeep, Latency: c.BlackBoxLatency}
	if set.Bytes == 0 {
		set.Bytes = defaultBox
	}
	if err := checkBlackBox(set); err != nil {
		return set, &settings.Error{Variable: settings.Variable(s.settings.Service, "BLACKBOX_SHARE"), Problem: "does not go with the other BLACKBOX settings: " + err.Error()}
	}
	return set, nil
}
