package httpapi

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// LeaseValue is text, or an object where it has parts.
type LeaseValue string

// Schema implements huma.SchemaProvider.
func (LeaseValue) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeObject, AdditionalProperties: true}},
		Description: `Of a level: debug, info, warn, error, or one of them with an offset like info+2. Sampling: "0.25", or {"ratio":0.25,"route":"GET /v1/types"}. ` +
			`Debug: {"level":"debug","user":"42","tenant":"","route":"","header":{"name":"X-Canary","value":"1"},"trace":""}, one condition at least, all that are given must hold. ` +
			`Blackbox: {"share":0.1,"bytes":8388608,"seconds":30,"latency_ms":0}. Profile: {"profile":"cpu","seconds":10}. Window: {"message":"upgrade of the disk"}. ` +
			`Policy, of calls to another service: {"destination":"catalogs","timeout_ms":2000,"retries":1,"retry_budget":0.06,"breaker":{"failures":0.5,"calls":20,"open_ms":5000},"off":false}. ` +
			`Fault, in such calls: {"destination":"catalogs","share":0.1,"delay_ms":300,"status":503,"code":"UNAVAILABLE","abort":false}.`}
}

// UnmarshalJSON takes a text or an object.
func (v *LeaseValue) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		*v = LeaseValue(text)
		return nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return err
	}
	*v = LeaseValue(b.String())
	return nil
}

// MarshalJSON shows a value with parts as an object.
func (v LeaseValue) MarshalJSON() ([]byte, error) {
	if strings.HasPrefix(string(v), "{") && json.Valid([]byte(v)) {
		return []byte(v), nil
	}
	return json.Marshal(string(v))
}
