// Package redact takes secrets out of text: by the name that a value stands under (password=…, "token":"…",
// Cookie: …) and by the value's own shape (a JWT, a private key, a card number). What is taken out leaves a mark
// with its kind, [redacted:jwt], and nothing else.
//
// A text without secrets is read once, a byte at a time against a table (scan.go), and returned as it is, without
// an allocation. Only where a byte can be part of a secret do the detectors look, each a bounded stretch to both
// sides of it.
//
// Redaction is idempotent: marks are never taken for secrets, and Text repeats until nothing changes any more.
package redact

import "strings"

// Kind of a secret, as the mark names it.
type Kind uint8

// The kinds, in the order of Kinds.
const (
	Key         Kind = iota // hidden for the name it stands under
	Password                // in a URL, or after PASSWORD in SQL
	Bearer                  // the token of an Authorization header
	Basic                   // user and password of an Authorization header
	JWT                     //
	PrivateKey              // a PEM block
	Card                    // number of a payment card
	AWSKey                  //
	GitHubToken             //
	GitLabToken             //
	GoogleKey               //
	SlackToken              //
	StripeKey               //
	APIKey                  // of another issuer with a prefix of its own
	Kinds                   // how many there are
)

const (
	opening = "[redacted:"
	closing = "]"
	maxMark = len(opening) + 16
)

// String is the kind's name: lower case letters and hyphens.
func (k Kind) String() string {
	return [Kinds]string{"key", "password", "bearer", "basic", "jwt", "private-key", "card", "aws-key", "github-token",
		"gitlab-token", "google-key", "slack-token", "stripe-key", "api-key"}[k]
}

// Mark is what stands for a secret of this kind.
func (k Kind) Mark() string { return opening + k.String() + closing }

// maxPasses bounds the repetition; what the first pass leaves is at most what its own marks made visible.
const maxPasses = 8

// Text returns s without its secrets, and s itself if there are none. found, if not nil, is told of each. The
// result is at most seven times as long as s. Safe for concurrent use.
func (r *Rules) Text(s string, found func(Kind)) string {
	for range maxPasses {
		next, changed := r.pass(s, found)
		if !changed {
			return s
		}
		s = next
	}
	return s
}

// match is a stretch of a text that is to be replaced.
type match struct {
	start, end int
	kind       Kind
}

// none says that nothing is to be replaced, and that nothing before next need be looked at again.
func none(next int) (match, int) { return match{}, next }

// hit says what is to be replaced.
func hit(start, end int, kind Kind) (match, int) { return match{start, end, kind}, end }

// pass replaces from left to right.
func (r *Rules) pass(s string, found func(Kind)) (_ string, changed bool) {
	var b strings.Builder
	done := 0
	for i := next(s, 0); i < len(s); {
		m, after := r.at(s, i, done)
		if m.end > m.start && s[m.start:m.end] != m.kind.Mark() {
			b.WriteString(s[done:m.start])
			b.WriteString(m.kind.Mark())
			done = m.end
			if found != nil {
				found(m.kind)
			}
		}
		i = next(s, max(after, i+1))
	}
	if done == 0 {
		return s, false
	}
	b.WriteString(s[done:])
	return b.String(), true
}
