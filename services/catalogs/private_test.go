package catalogs_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/services/catalogs"
	"github.com/signalbox-mesh/signalbox/services/catalogs/api"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

// people verifies the name of a role as a token.
type people struct{}

func (people) Verify(_ context.Context, token string) (access.Principal, error) {
	if token == "forged" {
		return access.Principal{}, problem.New(problem.Unauthorized, "the token is not valid")
	}
	return access.Principal{Subject: "user-" + token, Grants: []access.Grant{{Role: access.Role(token)}}}, nil
}

// neighbours are services with keys, and clients of a running catalogs.
type neighbours struct {
	signers map[string]*servicetoken.Signer
	running *catalogs.Service
}

func newNeighbours(t *testing.T) neighbours {
	t.Helper()
	h, dir := newHouse(t, pgtest.New(t, "catalogs")), t.TempDir()
	n := neighbours{signers: map[string]*servicetoken.Signer{}}
	keys := servicetoken.Keys{}
	for _, service := range []string{"catalogs", "workflow", "billing", "scheduler"} {
		key, err := servicetoken.LoadOrGenerateKey(filepath.Join(dir, service+".pem"))
		check(t, err)
		n.signers[service], err = servicetoken.NewSigner(service, key)
		check(t, err)
		public, _ := key.Public().(ed25519.PublicKey)
		keys[service] = append(keys[service], public)
	}
	h.settings.Keys, h.settings.Verifier = servicetoken.NewBundle(keys), people{}
	h.config.KeyFile = filepath.Join(dir, "catalogs.pem")
	s, err := catalogs.New(t.Context(), h.config, h.settings)
	check(t, err)
	serve(t, s, "builder")
	n.running = s
	return n
}

// client is the api's, of a service.
func (n neighbours) client(t *testing.T, service string) *api.Client {
	t.Helper()
	m := mesh.New(mesh.Settings{Service: service, Signer: n.signers[service], Peers: peers.Static{api.Service: {RPC: []string{n.running.PrivateAddr()}}}})
	t.Cleanup(func() { _ = m.Close() })
	conn, err := m.RPC(api.Service)
	check(t, err)
	return api.New(conn)
}

// wants is the code of err, "" for none.
func wants(t *testing.T, what string, err error, code problem.Code) {
	t.Helper()
	var p *problem.Error
	switch {
	case err == nil && code == "":
	case errors.As(err, &p) && p.Code == code:
	default:
		t.Errorf("%s: %v, want %q", what, err, code)
	}
}

// TestOtherServicesRead: types and records over the private port, page by page, and what is wrong by its code.
func TestOtherServicesRead(t *testing.T) {
	t.Parallel()
	n := newNeighbours(t)
	s, c := n.running, n.client(t, "billing")
	for i := range 60 {
		if code := status(t, s, "POST", "/api/catalogs/v1/types", fmt.Sprintf(`{"name":"t%02d","schema":{}}`, i), "Authorization", "Bearer builder"); code != 201 {
			t.Fatal(code)
		}
	}
	for i := range 120 {
		if code := status(t, s, "POST", "/api/catalogs/v1/types/t07/records", fmt.Sprintf(`{"data":{"n":%d,"exact":0.10000000000000000001}}`, i), "Authorization", "Bearer builder"); code != 201 {
			t.Fatal(code)
		}
	}
	var names []string
	for one, err := range c.Types(t.Context()) {
		check(t, err)
		names = append(names, one.GetName())
	}
	if len(names) != 60 || !slices.IsSorted(names) {
		t.Errorf("types %v", names)
	}
	one, err := c.Type(t.Context(), "t07")
	if err != nil || one.GetVersion() != 1 || string(one.GetSchema()) != "{}" || one.GetStamp().GetCreatedBy() != "user-builder" {
		t.Errorf("%v %v", one, err)
	}
	var numbers []int
	var last *api.Record
	for r, err := range c.Records(t.Context(), "t07", "n>=10", "n desc") {
		check(t, err)
		var data struct{ N int }
		check(t, json.Unmarshal(r.GetData(), &data))
		numbers, last = append(numbers, data.N), r
	}
	if len(numbers) != 110 || numbers[0] != 119 || numbers[109] != 10 {
		t.Errorf("records %v", numbers)
	}
	again, err := c.Record(t.Context(), "t07", last.GetId())
	if err != nil || !strings.Contains(string(again.GetData()), "0.10000000000000000001") || again.GetStamp().GetCreatedAt().AsTime().IsZero() {
		t.Errorf("%v %v", again, err)
	}
	_, err = c.Type(t.Context(), "none")
	wants(t, "no type", err, problem.NotFound)
	_, err = c.Type(t.Context(), "; DROP")
	wants(t, "no name", err, problem.NotFound)
	_, err = c.Record(t.Context(), "t07", "none")
	wants(t, "no record", err, problem.NotFound)
	for _, err = range c.Records(t.Context(), "t07", "n >", "") {
		wants(t, "a filter", err, problem.Invalid)
	}
	for _, err = range c.Records(t.Context(), "none", "", "") {
		wants(t, "records of no type", err, problem.NotFound)
	}
}

// TestOtherServicesWrite: in their own name or for a user, once, however often they have to ask.
func TestOtherServicesWrite(t *testing.T) {
	t.Parallel()
	n := newNeighbours(t)
	c := n.client(t, "workflow")
	const schema = `{"type":"object","required":["name"],"properties":{"name":{"type":"string"},"price":{"type":"number"}}}`
	if code := status(t, n.running, "POST", "/api/catalogs/v1/types", `{"name":"lamp","schema":`+schema+`}`, "Authorization", "Bearer builder"); code != 201 {
		t.Fatal(code)
	}
	id, err := api.NewID()
	check(t, err)
	ctx, forUser := t.Context(), rpc.ForUser(t.Context(), "operator")
	made, err := c.CreateRecord(ctx, "lamp", id, json.RawMessage(`{"name":"Blue","price":10.0}`))
	if err != nil || made.GetStamp().GetCreatedBy() != "service:workflow" || made.GetRevision() != 1 {
		t.Fatal(made, err)
	}
	again, err := c.CreateRecord(ctx, "lamp", id, json.RawMessage(`{"price":10,"name":"Blue"}`))
	if err != nil || again.GetStamp().GetCreatedAt().AsTime() != made.GetStamp().GetCreatedAt().AsTime() {
		t.Errorf("again: %v %v", again, err)
	}
	_, err = c.CreateRecord(ctx, "lamp", id, json.RawMessage(`{"name":"Red"}`))
	wants(t, "another with its id", err, problem.Conflict)
	_, err = c.CreateRecord(forUser, "lamp", id, json.RawMessage(`{"name":"Blue","price":10}`))
	wants(t, "somebody else's", err, problem.Conflict)

	changed, err := c.UpdateRecord(forUser, "lamp", id, json.RawMessage(`{"name":"Red"}`), 1)
	if err != nil || changed.GetRevision() != 2 || changed.GetStamp().GetUpdatedBy() != "user-operator" {
		t.Errorf("%v %v", changed, err)
	}
	again, err = c.UpdateRecord(forUser, "lamp", id, json.RawMessage(`{"name":"Red"}`), 1)
	if err != nil || again.GetRevision() != 2 {
		t.Errorf("the change again: %v %v", again, err)
	}
	_, err = c.UpdateRecord(ctx, "lamp", id, json.RawMessage(`{"name":"Red"}`), 1)
	wants(t, "a change of what has changed", err, problem.Conflict)
	if again, err = c.CreateRecord(ctx, "lamp", id, json.RawMessage(`{"name":"Blue","price":10}`)); err != nil || again.GetRevision() != 2 {
		t.Errorf("made again after it has changed: %v %v", again, err)
	}

	for what, test := range map[string]struct {
		ctx  context.Context
		id   string
		data string
		code problem.Code
	}{
		"a viewer":                 {rpc.ForUser(t.Context(), "viewer"), "", `{"name":"x"}`, problem.Forbidden},
		"a forged user":            {rpc.ForUser(t.Context(), "forged"), "", `{"name":"x"}`, problem.Unauthorized},
		"two users":                {rpc.ForUser(forUser, "builder"), "", `{"name":"x"}`, problem.Unauthorized},
		"what does not fit":        {ctx, "", `{"price":1}`, problem.Invalid},
		"no object":                {ctx, "", `[]`, problem.Invalid},
		"an id that tells no time": {ctx, "6ba7b810-9dad-41d1-80b4-00c04fd430c8", `{"name":"x"}`, problem.Invalid},
	} {
		if test.id == "" {
			test.id, err = api.NewID()
			check(t, err)
		}
		_, err := c.CreateRecord(test.ctx, "lamp", test.id, json.RawMessage(test.data))
		wants(t, what, err, test.code)
	}
	_, err = c.UpdateRecord(ctx, "lamp", id, json.RawMessage(`{"name":"x"}`), 0)
	wants(t, "no revision", err, problem.Invalid)
	_, err = c.CreateRecord(ctx, "none", id, json.RawMessage(`{"name":"x"}`))
	wants(t, "no type", err, problem.NotFound)
}

// TestWhichServicesCatalogsAnswers: by its lists, for reading and for writing.
func TestWhichServicesCatalogsAnswers(t *testing.T) {
	t.Parallel()
	n := newNeighbours(t)
	id, err := api.NewID()
	check(t, err)
	for service, want := range map[string]struct{ read, write problem.Code }{
		"workflow":  {problem.NotFound, problem.NotFound}, // let in: there is no such type
		"billing":   {problem.NotFound, problem.Forbidden},
		"scheduler": {problem.Forbidden, problem.Forbidden},
	} {
		c := n.client(t, service)
		_, err := c.Type(t.Context(), "lamp")
		wants(t, service+" reads", err, want.read)
		_, err = c.CreateRecord(t.Context(), "lamp", id, json.RawMessage(`{}`))
		wants(t, service+" writes", err, want.write)
	}
}
