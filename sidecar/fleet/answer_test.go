package fleet

import (
	"encoding/json"
	"errors"
	"testing"
)

// Who has a key to be answered to gets an answer for it; an older one gets a signature.
func TestAnAcknowledgementIsAsItsAskerTakesIt(t *testing.T) {
	seal := func(p []byte, key string) (string, error) {
		if key == "bad" {
			return "", errors.New("no key")
		}
		return "for " + key + ": " + string(p), nil
	}
	sign := func(p []byte) (string, error) { return "signed: " + string(p), nil }
	said := `{"revision":7,"lease_id":"l","service":"catalogs","instance":"c-1","error":""}`
	refused := `{"revision":7,"lease_id":"l","service":"catalogs","instance":"c-1","error":"no"}`
	for name, c := range map[string]struct {
		answer  func([]byte, string) (string, error)
		key     string
		applied error
		want    answerEnvelope
	}{
		"a key":              {seal, "k", nil, answerEnvelope{Answer: "for k: " + said, Service: "catalogs"}},
		"a refusal":          {seal, "k", errors.New("no"), answerEnvelope{Answer: "for k: " + refused, Service: "catalogs"}},
		"an older asker":     {seal, "", nil, answerEnvelope{Token: "signed: " + said, Service: "catalogs"}},
		"an instance of old": {nil, "k", nil, answerEnvelope{Token: "signed: " + said, Service: "catalogs"}},
		"a key that is none": {seal, "bad", nil, answerEnvelope{Token: "signed: " + said, Service: "catalogs"}},
	} {
		a := New(Settings{Service: "catalogs", Instance: "c-1", Sign: sign, Answer: c.answer})
		m := message{Revision: 7, Key: c.key}
		m.Lease.ID = "l"
		raw, err := a.answered(m, c.applied)
		var got answerEnvelope
		if err != nil || json.Unmarshal(raw, &got) != nil || got != c.want {
			t.Errorf("%s: %s, %v", name, raw, err)
		}
	}
}

func TestTheEnvelopeIsReadHoweverItIsWritten(t *testing.T) {
	for data, want := range map[string]string{
		`{"token":"a.b.c"}`: "a.b.c", `{ "token" : "a.b.c" , "x":1}`: "a.b.c", `{"token":"a","token":"b"}`: "b",
		`{"token":"\u0061"}`: "a", `{"token":""}`: "", `{"token":17}`: "", `{"token":"a"`: "", `{"token":"a"}}`: "", ``: "", `null`: "",
	} {
		if got := tokenOf([]byte(data)); got != want {
			t.Errorf("%s: %q, want %q", data, got, want)
		}
	}
}
