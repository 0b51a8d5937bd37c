package topology

import (
	"slices"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// describe says how a node is: a service by its own instances, a dependency by the checks of those that use it, a caller not at all.
func describe(name string, all []Instance) Node {
	n := Node{Name: name, Kind: Dependency, Health: Unknown}
	var own []Instance
	for _, i := range all {
		if i.Service == name && i.State != Stopped {
			own = append(own, i)
		}
	}
	switch {
	case len(own) > 0:
		n.Kind = Service
		n.ofInstances(own)
	case name == telemetry.NodeBrowser, name == telemetry.NodeOutside:
		n.Kind, n.Health = Caller, Up
	default:
		n.ofUsers(all)
	}
	return n
}

func (n *Node) ofInstances(own []Instance) {
	n.Count = map[State]int{}
	serving, well := false, 0
	for _, i := range own {
		n.Count[i.State]++
		if i.State != Live {
			continue
		}
		if !slices.Contains(n.Versions, i.Version) {
			n.Versions = append(n.Versions, i.Version)
		}
		serving = serving || i.serves()
		if i.Health == "up" {
			well++
		}
		for _, c := range i.Checks {
			if c.failing() {
				n.Failing = append(n.Failing, FailingCheck{i.Service, i.Instance, c})
			}
		}
	}
	slices.Sort(n.Versions)
	switch {
	case !serving:
		n.Health = Down
	case well < len(own):
		n.Health = Degraded
	default:
		n.Health = Up
	}
	if n.Health != Up {
		n.Since = began(own, n.Failing)
	}
}

// began is when the first of what is wrong with a service's instances began.
func began(own []Instance, failing []FailingCheck) (first time.Time) {
	for _, i := range own {
		if i.State == Lost {
			first = earlier(first, i.HeardAt)
		}
	}
	for _, c := range failing {
		first = earlier(first, c.Since)
	}
	return first
}

// earlier of two times, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// ofUsers has a dependency down when at least half of the live instances that ask after it say so: what fails for fewer is
// theirs.
func (n *Node) ofUsers(all []Instance) {
	asked := 0
	for _, i := range all {
		if i.State != Live {
			continue
		}
		for _, c := range i.Checks {
			if c.Node != n.Name {
				continue
			}
			asked++
			if c.failing() {
				n.Failing = append(n.Failing, FailingCheck{i.Service, i.Instance, c})
				n.Since = earlier(n.Since, c.Since)
			}
		}
	}
	switch {
	case asked == 0:
		n.Health = Unknown
	case len(n.Failing) == 0:
		n.Health = Up
	case 2*len(n.Failing) >= asked:
		n.Health = Down
	default:
		n.Health = Degraded
	}
}
