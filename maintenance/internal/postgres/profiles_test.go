package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/profile"
)

// asked is the id of a lease that asks the instances of catalogs for a profile.
func asked(t *testing.T, s *Store) string {
	t.Helper()
	id := uuid.Must(uuid.NewV7()).String()
	_, err := s.db.Pool().Exec(t.Context(), `INSERT INTO leases (id, revision, kind, service, instance, logger, value, owner, owner_name, reason, expires_at)
		VALUES ($1, (SELECT coalesce(max(revision), 0) + 1 FROM leases), 'profile', 'catalogs', '', '', '{"profile":"cpu"}', 'u-1', 'anna', 'r', now() + interval '1 minute')`, id)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func captured(lease, instance string, data []byte) profile.Profile {
	sum := sha256.Sum256(data)
	return profile.Profile{ID: uuid.Must(uuid.NewV7()).String(), LeaseID: lease, Service: "catalogs", Instance: instance, Kind: "cpu",
		From: time.Now().Add(-time.Second), Until: time.Now(), Size: int64(len(data)), SHA256: sum[:]}
}

// keepProfile stores a whole one.
func keepProfile(t *testing.T, s *Store, lease, instance string, data []byte, maxBytes int64) string {
	t.Helper()
	begun, err := s.BeginProfile(t.Context(), captured(lease, instance, data), maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(data); at += 1000 {
		if err := s.AppendProfile(t.Context(), begun.ID, int64(at), data[at:min(at+1000, len(data))]); err != nil {
			t.Fatal(err)
		}
	}
	if _, complete, fresh, err := s.CompleteProfile(t.Context(), begun.ID); err != nil || !complete || !fresh {
		t.Fatalf("complete=%v fresh=%v, %v", complete, fresh, err)
	}
	return begun.ID
}

func keptProfiles(t *testing.T, s *Store) (instances []string) {
	t.Helper()
	all, err := s.Profiles(t.Context(), logs.Scope{All: true}, profile.Filter{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		instances = append([]string{p.Instance}, instances...)
	}
	return instances
}

// The oldest go when there is no more room, and what is past its retention, or was given up in the middle, by the event.
func TestProfilesAreBounded(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	lease := asked(t, s)
	data := bytes.Repeat([]byte("x"), 4000)
	for i := range 5 {
		keepProfile(t, s, lease, fmt.Sprint("c-", i), data, 12_000)
	}
	if got := fmt.Sprint(keptProfiles(t, s)); got != "[c-2 c-3 c-4]" {
		t.Errorf("room for three: %s", got)
	}
	if _, err := s.BeginProfile(t.Context(), captured(lease, "c-9", bytes.Repeat([]byte("x"), 12_001)), 12_000); !errors.Is(err, profile.ErrTooMuch) {
		t.Errorf("more than there is room for: %v", err)
	}
	if err := exec(t, s, `UPDATE profiles SET stored_at = now() - interval '2 hours' WHERE instance = 'c-2'`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.BeginProfile(t.Context(), captured(lease, "c-5", data), 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := exec(t, s, `UPDATE profiles SET stored_at = now() - interval '61 minutes' WHERE instance = 'c-5'`); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int64{2, 0} { // the second time there is nothing left to do
		removed, left, err := s.RetainProfiles(t.Context(), time.Now().Add(-100*time.Minute), 1<<20)
		if err != nil || removed != want || left != (profile.Totals{Profiles: 2, Bytes: 8000}) {
			t.Errorf("removed %d, want %d; left %+v, %v", removed, want, left, err)
		}
	}
	if removed, left, err := s.RetainProfiles(t.Context(), time.Time{}, 7000); err != nil || removed != 1 || left.Bytes != 4000 {
		t.Errorf("with less room: %d %+v %v", removed, left, err)
	}
	if got := fmt.Sprint(keptProfiles(t, s)); got != "[c-4]" {
		t.Errorf("left: %s", got)
	}
	var chunks int
	if err := s.db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM profile_chunks`).Scan(&chunks); err != nil || chunks != 4 {
		t.Errorf("%d chunks are left, want 4: %v", chunks, err)
	}
}

// Two uploads of one profile at once, as after a stream that was thought to be broken, leave it whole.
func TestTwoUploadsOfOneProfile(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	p := captured(asked(t, s), "c-1", bytes.Repeat([]byte("0123456789"), 5000))
	data := bytes.Repeat([]byte("0123456789"), 5000)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for {
				again := p
				again.ID = uuid.Must(uuid.NewV7()).String()
				begun, err := s.BeginProfile(t.Context(), again, 1<<20)
				if err != nil || begun.Complete {
					if err != nil {
						t.Error(err)
					}
					return
				}
				at := begun.Stored
				for at < p.Size && err == nil {
					if err = s.AppendProfile(t.Context(), begun.ID, at, data[at:min(at+700, p.Size)]); err == nil {
						at = min(at+700, p.Size)
					}
				}
				if err != nil && !errors.Is(err, profile.ErrOffset) {
					t.Error(err)
					return
				}
				if _, _, _, err := s.CompleteProfile(t.Context(), begun.ID); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	found, err := s.Profiles(t.Context(), logs.Scope{All: true}, profile.Filter{Limit: 10})
	if err != nil || len(found) != 1 {
		t.Fatalf("%v %v", found, err)
	}
	if got := read(t, s, found[0]); !bytes.Equal(got, data) {
		t.Errorf("%d bytes, want %d", len(got), len(data))
	}
}

func read(t *testing.T, s *Store, p profile.Profile) (all []byte) {
	t.Helper()
	for {
		data, err := s.ProfileChunk(context.WithoutCancel(t.Context()), p.ID, int64(len(all)))
		if err != nil {
			t.Fatal(err)
		}
		if len(data) == 0 {
			return all
		}
		all = append(all, data...)
	}
}

// An instance that was started again and captures once more for the same lease replaces what it did not finish, and adds
// nothing to what it did.
func TestCapturedAgainForOneLease(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	lease := asked(t, s)
	first, err := s.BeginProfile(t.Context(), captured(lease, "c-1", []byte("first")), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AppendProfile(t.Context(), first.ID, 0, []byte("fir")); err != nil {
		t.Fatal(err)
	}
	id := keepProfile(t, s, lease, "c-1", []byte("second"), 1<<20)
	if err := s.AppendProfile(t.Context(), first.ID, 3, []byte("st")); !errors.Is(err, profile.ErrOffset) {
		t.Errorf("the first goes on: %v", err)
	}
	third, err := s.BeginProfile(t.Context(), captured(lease, "c-1", []byte("third")), 1<<20)
	if err != nil || !third.Complete || third.ID != id {
		t.Errorf("%+v %v", third, err)
	}
	if err := s.AppendProfile(t.Context(), id, 6, []byte("!")); !errors.Is(err, profile.ErrOffset) {
		t.Errorf("behind its end: %v", err)
	}
}
