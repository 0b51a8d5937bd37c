package timed_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

type account struct {
	Account string `json:"account"`
	Days    int    `json:"days"`
}

// The payload is taken as it was declared, or not at all: what is wrong with it will be wrong the next time too.
func TestTypedHandler(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]string{
		`{"account":"a","days":3}`:        "",
		``:                                "",
		`{"account":"a","day":3}`:         `payload of billing.close: is no timed_test.account: json: unknown field "day"`,
		`{"account":7}`:                   "payload of billing.close: is no timed_test.account: json: cannot unmarshal number into Go struct field account.account of type string",
		`[]`:                              "payload of billing.close: is no timed_test.account: json: cannot unmarshal array into Go value of type timed_test.account",
		`{"account":"a"} {"account":"b"}`: "payload of billing.close: is no timed_test.account: there is more behind it",
	} {
		var got account
		h := timed.Typed(func(_ context.Context, _ pg.Tx, _ timed.Fire, p account) error { got = p; return nil })
		err := h(t.Context(), nil, timed.Fire{Schedule: "billing.close", Payload: json.RawMessage(payload)})
		if want == "" && (err != nil || payload != "" && got != account{"a", 3}) || want != "" && (err == nil || err.Error() != want || !timed.IsFinal(err)) {
			t.Errorf("%s: %v, %+v", payload, err, got)
		}
	}
	if timed.IsFinal(errors.New("x")) {
		t.Error("an error is not final by itself")
	}
}
