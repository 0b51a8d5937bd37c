package trace

import "github.com/signalbox-mesh/signalbox/sidecar/lease"

// Effect puts leases of kind "sampling" into force.
func (p *Provider) Effect() lease.Effect { return effect{p} }

type effect struct{ provider *Provider }

// Apply implements lease.Effect.
func (e effect) Apply(all []lease.Lease) map[string]error {
	refused := map[string]error{}
	rules := make([]Rule, 0, len(all))
	ids := make([]string, 0, len(all))
	for _, l := range all {
		r, err := ParseRule(l.Value)
		if err != nil {
			refused[l.ID] = err
			continue
		}
		rules, ids = append(rules, r), append(ids, l.ID)
	}
	for i, err := range e.provider.SetSampling(rules) {
		refused[ids[i]] = err
	}
	return refused
}
