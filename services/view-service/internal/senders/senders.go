// Package senders knows which programs' tokens were taken back. The list is pulled from identity now and then, and used
// as it is while identity is away: programs log on without it.
package senders

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// Every is how often the list is to be pulled: that long a token that was taken back still holds, at most.
	Every = 10 * time.Second
	// Within bounds one pull.
	Within = 3 * time.Second

	old = 2 * time.Minute // a list that is older is trouble
)

// Revoked is the list. Safe for concurrent use.
type Revoked struct {
	pull func(ctx context.Context) (subjects []string, err error)

	mu       sync.Mutex
	subjects map[string]bool
	pulled   time.Time // or when it was made
	never    bool
}

// New makes an empty list; Refresh fills it.
func New(pull func(ctx context.Context) ([]string, error)) *Revoked {
	return &Revoked{pull: pull, pulled: time.Now(), never: true}
}

// Has says that the token with this subject was taken back.
func (r *Revoked) Has(subject string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.subjects[subject]
}

// Refresh pulls the list. It is an error, with the list's age and the cause, only when the list has become old. One
// goroutine calls it at a time: it is a health check.
func (r *Revoked) Refresh(ctx context.Context) error {
	all, err := r.pull(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.subjects, r.pulled, r.never = make(map[string]bool, len(all)), time.Now(), false
		for _, s := range all {
			r.subjects[s] = true
		}
		return nil
	}
	switch age := time.Since(r.pulled); {
	case age < old:
		return nil
	case r.never:
		return fmt.Errorf("which senders' tokens were revoked is not known for %s: %w", age.Round(time.Second), err)
	default:
		return fmt.Errorf("the list of revoked senders' tokens is %s old: %w", age.Round(time.Second), err)
	}
}
