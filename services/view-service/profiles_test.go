package viewservice_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	pprofile "github.com/google/pprof/profile"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
	"github.com/signalbox-mesh/signalbox/sidecar"
	profilev1 "github.com/signalbox-mesh/signalbox/sidecar/contract/profile/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/profile"
)

const profilesAPI = "/api/maintenance/v1/profiles"

type profileRow struct {
	ID, Service, Instance, Kind, Owner, Reason, Filename string

	LeaseID     string `json:"lease_id"`
	From, Until time.Time
	Bytes       int64
	Cut         bool
}

func profiles(t *testing.T, v *viewservice.Service, token, query string) []profileRow {
	t.Helper()
	var out struct{ Profiles []profileRow }
	if got := call(t, v, token, http.MethodGet, profilesAPI+query, "", &out); got != http.StatusOK {
		t.Fatalf("%s: status %d", query, got)
	}
	return out.Profiles
}

type ordered struct {
	Lease     struct{ ID string }
	Applied   int
	Instances []struct{ Instance, State, Error string }
}

// order sets a lease whose value is no text.
func order(t *testing.T, v *viewservice.Service, token, body string) (r ordered, status int) {
	t.Helper()
	status = call(t, v, token, http.MethodPost, leases, body, &r)
	return r, status
}

func download(t *testing.T, v *viewservice.Service, token, id string) (*http.Response, []byte) {
	t.Helper()
	resp, err := client().Do(request(t, v, token, http.MethodGet, profilesAPI+"/"+id+"/data", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // a test's answer
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, data
}

// shown reports whether a function is in the profile.
func shown(t *testing.T, data []byte, function string) bool {
	t.Helper()
	p, err := pprofile.ParseData(data)
	if err != nil {
		t.Fatalf("no profile: %v", err)
	}
	for _, f := range p.Function {
		if strings.Contains(f.Name, function) {
			return true
		}
	}
	return false
}

// spinForTheProfile is what the CPU profile must show.
func spinForTheProfile(until func() bool) (n uint64) {
	for !until() {
		for i := range 1_000_000 {
			n = n*31 + uint64(i)
		}
	}
	return n
}

// holdForTheProfile is what the heap profile must show.
func holdForTheProfile() []byte { return bytes.Repeat([]byte{1}, 64<<20) }

// A lease has two instances of one process profiled, and what they bring opens in pprof.
func TestProfilesAreCapturedAndDownloaded(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	process := profile.NewRuntime(0)
	for _, name := range []string{"catalogs-1", "catalogs-2"} {
		m.sidecar(t, name, process)
	}
	listening(t, v, "catalogs-1", "catalogs-2")
	kept := holdForTheProfile()

	r, status := order(t, v, "operator:catalogs", `{"kind":"profile","service":"catalogs","value":{"profile":"heap"},"ttl":"1m","reason":"it grows"}`)
	if status != http.StatusCreated || r.Applied != 2 {
		t.Fatalf("%d %+v", status, r)
	}
	var found []profileRow
	wait.For(t, limit, "both heap profiles", func() bool {
		found = profiles(t, v, "operator:catalogs", "?lease="+r.Lease.ID)
		return len(found) == 2
	})
	for _, p := range found {
		resp, data := download(t, v, "operator:catalogs", p.ID)
		if resp.StatusCode != http.StatusOK || int64(len(data)) != p.Bytes || !shown(t, data, "holdForTheProfile") ||
			resp.Header.Get("Content-Disposition") != fmt.Sprintf("attachment; filename=%q", p.Filename) {
			t.Errorf("%+v: %d %v, %d bytes", p, resp.StatusCode, resp.Header, len(data))
		}
	}
	if len(kept) == 0 || found[0].Reason != "it grows" || found[0].LeaseID != r.Lease.ID || found[0].Owner != "operator:catalogs" {
		t.Errorf("%+v", found[0])
	}

	// The process has one CPU profiler: one of its two instances has it, and the other says why not.
	r, _ = order(t, v, "operator", `{"kind":"profile","service":"catalogs","value":{"profile":"cpu","seconds":1},"ttl":"1m","reason":"it is slow"}`)
	if r.Applied != 1 || len(r.Instances) != 2 {
		t.Fatalf("%+v", r)
	}
	spinForTheProfile(func() bool { found = profiles(t, v, "operator", "?kind=cpu&service=catalogs"); return len(found) == 1 })
	if _, data := download(t, v, "operator", found[0].ID); !shown(t, data, "spinForTheProfile") {
		t.Error("the CPU profile does not show it")
	}
	if took := found[0].Until.Sub(found[0].From); took < time.Second || took > 10*time.Second || found[0].Cut {
		t.Errorf("%+v", found[0])
	}
	if got := profiles(t, v, "operator", "?from="+found[0].Until.Add(time.Second).UTC().Format(time.RFC3339)); len(got) != 0 {
		t.Errorf("after its time: %+v", got)
	}
	audited(t, v, found[0].ID, "profile.captured operator")
}

// What is captured while view-service is away is there once it is back.
func TestAProfileWaitsForViewService(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, stop := m.view(t, "view-service-1")
	m.sidecar(t, "catalogs-1", profile.NewRuntime(0))
	listening(t, v, "catalogs-1")
	r, _ := order(t, v, "operator", `{"kind":"profile","service":"catalogs","value":{"profile":"mutex","seconds":1},"ttl":"1m","reason":"r"}`)
	if r.Applied != 1 {
		t.Fatalf("%+v", r)
	}
	stop()
	<-time.After(1500 * time.Millisecond) // it is captured meanwhile, and nobody takes it
	m.Book.Remove("view-service")
	v, _ = m.view(t, "view-service-1")
	wait.For(t, limit, "the profile", func() bool { return len(profiles(t, v, "operator", "?lease="+r.Lease.ID)) == 1 })
}

// sidecar runs one of catalogs.
func (m *mesh) sidecar(t *testing.T, name string, process *profile.Runtime) {
	t.Helper()
	set := m.Settings("catalogs")
	set.Profilers = process
	s, err := sidecar.New(t.Context(), m.config("catalogs", name, ""), set)
	if err != nil {
		t.Fatal(err)
	}
	m.Run("catalogs", s)
}

// brought is a profile that a service has brought by itself.
type brought struct {
	client profilev1.ProfileServiceClient
	begin  *profilev1.BeginRequest
	data   []byte
}

func (m *mesh) bring(t *testing.T, service, leaseID string, size int) brought {
	t.Helper()
	conn, err := m.as(t, service).RPC("view-service")
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i * 7)
	}
	sum := sha256.Sum256(data)
	return brought{profilev1.NewProfileServiceClient(conn), &profilev1.BeginRequest{LeaseId: leaseID, Service: "catalogs", Instance: "catalogs-1", Profile: "cpu",
		From: timestamppb.New(time.Now().Add(-time.Minute)), Until: timestamppb.Now(), Size: int64(size), Sha256: sum[:]}, data}
}

func (b brought) announce(t *testing.T) *profilev1.BeginResponse {
	t.Helper()
	begun, err := b.client.Begin(t.Context(), b.begin)
	if err != nil {
		t.Fatal(err)
	}
	return begun
}

// send sends a part, and the end if last.
func (b brought) send(t *testing.T, id string, from, to int, last bool) error {
	t.Helper()
	stream, err := b.client.Upload(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for at := from; at < to; {
		n := min(100<<10, to-at)
		if err := stream.Send(&profilev1.UploadRequest{Id: id, Offset: int64(at), Data: b.data[at : at+n]}); err != nil {
			break // the answer says why
		}
		at += n
	}
	if !last { // cut off: what has come stays
		wait.For(t, limit, "the part to be stored", func() bool { return b.announce(t).GetOffset() == int64(to) })
		return nil
	}
	answer, err := stream.CloseAndRecv()
	if err == nil && !answer.GetComplete() {
		return io.ErrUnexpectedEOF
	}
	return err
}

func TestUploadsOfProfiles(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	w, _ := m.view(t, "view-service-2")
	r, _ := order(t, v, "operator", `{"kind":"profile","service":"catalogs","value":{"profile":"cpu"},"ttl":"1m","reason":"r"}`)
	const size = 1<<20 + 7
	b := m.bring(t, "catalogs", r.Lease.ID, size)
	begun := b.announce(t)
	if err := b.send(t, begun.GetId(), 0, 300<<10, false); err != nil {
		t.Fatal(err)
	}
	if len(profiles(t, v, "operator", "")) != 0 || call(t, v, "operator", "GET", profilesAPI+"/"+begun.GetId(), "", nil) != http.StatusNotFound {
		t.Error("what is not complete is shown")
	}
	if err := b.send(t, begun.GetId(), 0, size, true); status.Code(err) != codes.Aborted {
		t.Errorf("from the beginning again: %v", err)
	}
	again := b.announce(t)
	if again.GetId() != begun.GetId() || again.GetOffset() != 300<<10 {
		t.Errorf("%v after %v", again, begun)
	}
	if err := b.send(t, again.GetId(), 300<<10, size, true); err != nil {
		t.Fatal(err)
	}
	if again = b.announce(t); !again.GetComplete() {
		t.Errorf("%v", again)
	}
	if resp, data := download(t, w, "operator", begun.GetId()); resp.StatusCode != http.StatusOK || !bytes.Equal(data, b.data) {
		t.Errorf("%d, %d bytes", resp.StatusCode, len(data))
	}

	for name, c := range map[string]struct {
		want codes.Code
		as   string
		edit func(*profilev1.BeginRequest)
	}{
		"of another service": {codes.PermissionDenied, "gateway", func(*profilev1.BeginRequest) {}},
		"without a lease":    {codes.NotFound, "catalogs", func(r *profilev1.BeginRequest) { r.LeaseId = "0198c0de-0000-7000-8000-000000000001" }},
		"no lease's id":      {codes.InvalidArgument, "catalogs", func(r *profilev1.BeginRequest) { r.LeaseId = "x" }},
		"of no kind":         {codes.InvalidArgument, "catalogs", func(r *profilev1.BeginRequest) { r.Profile = "weather" }},
		"too large":          {codes.InvalidArgument, "catalogs", func(r *profilev1.BeginRequest) { r.Size = 65 << 20 }},
		"without a sum":      {codes.InvalidArgument, "catalogs", func(r *profilev1.BeginRequest) { r.Sha256 = nil }},
		"without a time":     {codes.InvalidArgument, "catalogs", func(r *profilev1.BeginRequest) { r.From = nil }},
		"a name with a zero": {codes.InvalidArgument, "catalogs", func(r *profilev1.BeginRequest) { r.Instance = "a\x00" }},
	} {
		b := m.bring(t, c.as, r.Lease.ID, 10)
		c.edit(b.begin)
		if _, err := b.client.Begin(t.Context(), b.begin); status.Code(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	other := m.bring(t, "gateway", r.Lease.ID, 10)
	if err := other.send(t, begun.GetId(), 0, 10, true); status.Code(err) != codes.PermissionDenied {
		t.Errorf("into another's profile: %v", err)
	}
	level, _ := order(t, v, "operator", `{"kind":"level","value":"info","ttl":"1m","reason":"r"}`)
	if _, err := m.bring(t, "catalogs", level.Lease.ID, 10).client.Begin(t.Context(), m.bring(t, "catalogs", level.Lease.ID, 10).begin); status.Code(err) != codes.NotFound {
		t.Errorf("for a lease of another kind: %v", err)
	}
	wrong := m.bring(t, "catalogs", r.Lease.ID, 10)
	wrong.begin.Instance, wrong.begin.Sha256 = "catalogs-2", make([]byte, sha256.Size)
	id := wrong.announce(t).GetId()
	if err := wrong.send(t, id, 0, 10, true); status.Code(err) != codes.Aborted || wrong.announce(t).GetOffset() != 0 {
		t.Errorf("with a wrong sum: %v", err)
	}
	keepsToTheScope(t, v, begun.GetId())
}

// keepsToTheScope: only who operates the service sees its profiles, and removes them.
func keepsToTheScope(t *testing.T, v *viewservice.Service, id string) {
	t.Helper()
	for name, c := range map[string]struct {
		token, method, path string
		want                int
	}{
		"a viewer's list":     {"viewer", "GET", "", 403},
		"a viewer":            {"viewer:catalogs", "GET", "/" + id, 403},
		"nobody":              {"", "GET", "/" + id, 401},
		"another's":           {"operator:gateway", "GET", "/" + id, 404},
		"another's data":      {"operator:gateway", "GET", "/" + id + "/data", 404},
		"another's to remove": {"operator:gateway", "DELETE", "/" + id, 404},
		"a viewer's data":     {"viewer:catalogs", "GET", "/" + id + "/data", 403},
		"no id":               {"operator", "GET", "/x", 404},
		"no lease":            {"operator", "GET", "?lease=x", 400},
		"one's own":           {"operator:catalogs", "GET", "/" + id, 200},
	} {
		if got := call(t, v, c.token, c.method, profilesAPI+c.path, "", nil); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if got := profiles(t, v, "operator:gateway", ""); len(got) != 0 {
		t.Errorf("beyond the scope: %+v", got)
	}
	remove := func() int {
		resp, err := client().Do(request(t, v, "operator:catalogs", http.MethodDelete, profilesAPI+"/"+id, ""))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close() //nolint:errcheck // a test's answer
		return resp.StatusCode
	}
	if first, second := remove(), remove(); first != http.StatusNoContent || second != http.StatusNotFound {
		t.Errorf("removed: %d, then %d", first, second)
	}
	audited(t, v, id, "profile.deleted operator:catalogs", "profile.captured operator")
}
