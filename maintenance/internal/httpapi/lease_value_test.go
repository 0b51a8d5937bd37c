package httpapi

import (
	"regexp"
	"testing"

	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
)

// What the document shows of policies and faults is taken.
func TestTheDocumentsRulesHold(t *testing.T) {
	t.Parallel()
	text := LeaseValue("").Schema(nil).Description
	policy := regexp.MustCompile(`Policy, [^{]*(\{.*?\})\. `).FindStringSubmatch(text)
	fault := regexp.MustCompile(`Fault, [^{]*(\{.*?\})\.$`).FindStringSubmatch(text)
	if policy == nil || fault == nil {
		t.Fatal(text)
	}
	if _, err := mesh.ParsePolicy(policy[1]); err != nil {
		t.Errorf("%s: %v", policy[1], err)
	}
	if _, err := mesh.ParseFault(fault[1]); err != nil {
		t.Errorf("%s: %v", fault[1], err)
	}
}
