package fleet

// revisions are the mesh's changes as far as they were heard of here. Messages overtake one another when two operators
// change something at once, since two replicas send them; one that is late counts while nothing newer is missing.
type revisions struct {
	highest int64
	missing map[int64]bool  // below highest, until they come or a Sync brings what they did
	hole    bool            // more is missing than was counted, or came too late to count
	dropped map[string]bool // leases whose end was heard of while something was missing: their beginning may be late
}

// maxMissing bounds what is waited for one by one.
const maxMissing = 64

// reset is for a Sync, which brings all changes up to one.
func (r *revisions) reset(revision int64) {
	*r = revisions{highest: revision, missing: map[int64]bool{}, dropped: map[string]bool{}}
}

// step notes a revision above all others.
func (r *revisions) step(revision int64) {
	if revision-r.highest > maxMissing {
		r.hole = true
	} else {
		for n := r.highest + 1; n < revision; n++ {
			r.missing[n] = true
		}
	}
	if len(r.missing) > maxMissing {
		r.hole = true
		clear(r.missing)
	}
	r.highest = revision
}

// fill notes a revision that came late, and reports whether it was waited for and is newer than all that still are: the
// lease of that id then takes its place as if it had been in time.
func (r *revisions) fill(revision int64, id string) bool {
	if !r.missing[revision] {
		return false
	}
	delete(r.missing, revision)
	for n := range r.missing {
		if n > revision {
			r.hole = true // which may be its end: a Sync says so
			return false
		}
	}
	return !r.dropped[id]
}

// drop notes the end of a lease whose beginning may yet come.
func (r *revisions) drop(id string) {
	if !r.whole() {
		r.dropped[id] = true
	}
}

// whole says that nothing is missing.
func (r *revisions) whole() bool { return !r.hole && len(r.missing) == 0 }
