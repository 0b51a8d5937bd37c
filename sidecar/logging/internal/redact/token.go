package redact

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// jwt finds a token whose header begins at the two bytes before i: eyJ is {" in base64. Two parts suffice, for a
// text may have been cut.
func jwt(s string, i, done int) (match, int) {
	start := i - 2
	if start < done || s[start:i] != "ey" {
		return none(i + 1)
	}
	end := run(s, i+1, inToken)
	if end-start < 8 || end+1 >= len(s) || s[end] != '.' || !inToken(s[end+1]) {
		return none(end)
	}
	for end < len(s) && s[end] == '.' {
		end = run(s, end+1, inToken)
	}
	for s[end-1] == '.' { // a full stop, or the empty signature of alg none
		end--
	}
	return hit(start, end, JWT)
}

// credentials finds what follows the name of an authorization scheme that ends before the blank at i.
func credentials(s string, i int) (match, int) {
	if i < 5 {
		return none(i + 1)
	}
	switch s[i-1] {
	case 'r', 'R':
		if i >= 6 && strings.EqualFold(s[i-6:i], "bearer") && startsWord(s, i-6) {
			if end := run(s, i+1, inBearer); isBearer(s[i+1 : end]) {
				return hit(i+1, end, Bearer)
			}
		}
	case 'c', 'C':
		if strings.EqualFold(s[i-5:i], "basic") && startsWord(s, i-5) {
			if end := run(s, i+1, inBase64); isBasic(s[i+1 : end]) {
				return hit(i+1, end, Basic)
			}
		}
	}
	return none(i + 1)
}

func inBearer(c byte) bool {
	return inToken(c) || c == '.' || c == '~' || c == '+' || c == '/' || c == '='
}
func inBase64(c byte) bool { return inToken(c) || c == '+' || c == '/' || c == '=' }

// isBearer tells a token from the word in "bearer authentication required".
func isBearer(s string) bool {
	const word, short = 20, 6
	switch {
	case len(s) < short || strings.HasPrefix(s, "eyJ") && strings.Contains(s, "."): // a JWT is marked as one
		return false
	case strings.ContainsAny(s, "0123456789_~+/=") || len(s) >= word:
		return true
	}
	return strings.IndexFunc(s[1:], func(r rune) bool { return 'A' <= r && r <= 'Z' }) >= 0
}

// isBasic wants user:password inside; "basic information" has none.
func isBasic(s string) bool {
	const enough = 128 // bytes, to find the colon in
	s = strings.TrimRight(s, "=")
	coding := base64.RawURLEncoding
	if strings.ContainsAny(s, "+/") {
		coding = base64.RawStdEncoding
	}
	var plain [enough]byte
	n, err := coding.Decode(plain[:], []byte(s[:min(len(s), enough)]))
	return err == nil && bytes.IndexByte(plain[:n], ':') >= 0
}

// issuer is a prefix that tells whose token follows it.
type issuer struct {
	prefix string // ends in the trigger
	least  int    // bytes behind it
	kind   Kind
	digit  bool // a token of words alone is none
}

var issuers = []issuer{
	{"ghp_", 16, GitHubToken, false}, {"gho_", 16, GitHubToken, false}, {"ghu_", 16, GitHubToken, false},
	{"ghs_", 16, GitHubToken, false}, {"ghr_", 16, GitHubToken, false}, {"github_pat_", 20, GitHubToken, false},
	{"sk_live_", 10, StripeKey, false}, {"sk_test_", 10, StripeKey, false}, {"rk_live_", 10, StripeKey, false},
	{"rk_test_", 10, StripeKey, false}, {"whsec_", 16, StripeKey, false},
	{"npm_", 30, APIKey, true}, {"hf_", 30, APIKey, false}, {"dop_v1_", 40, APIKey, true},
	{"shpat_", 24, APIKey, true}, {"shpss_", 24, APIKey, true}, {"sbr_", 30, APIKey, false},
	{"xoxb-", 10, SlackToken, true}, {"xoxp-", 10, SlackToken, true}, {"xoxa-", 10, SlackToken, true},
	{"xoxr-", 10, SlackToken, true}, {"xoxs-", 10, SlackToken, true}, {"xapp-", 10, SlackToken, true},
	{"glpat-", 16, GitLabToken, false}, {"sk-", 20, APIKey, true},
	{"SG.", 40, APIKey, true}, {"ya29.", 20, GoogleKey, true}, {"hvs.", 20, APIKey, true}, {"hvb.", 20, APIKey, true},
}

// issuersBy holds the issuers by the byte before their trigger.
var issuersBy = func() (t [256][]issuer) {
	for _, f := range issuers {
		c := f.prefix[len(f.prefix)-2]
		t[c] = append(t[c], f)
	}
	return t
}()

// prefixed finds a token whose prefix ends with the trigger at i.
func prefixed(s string, i, done int) (match, int) {
	if i == 0 {
		return none(1)
	}
	for _, f := range issuersBy[s[i-1]] {
		start := i + 1 - len(f.prefix)
		if start < done || s[start:i+1] != f.prefix || !startsWord(s, start) {
			continue
		}
		set := inToken
		if s[i] == '.' {
			set = inDotted
		}
		end := run(s, i+1, set)
		for s[end-1] == '.' {
			end--
		}
		switch {
		case end-i-1 < f.least:
			return none(i + 1)
		case f.digit && !strings.ContainsAny(s[i+1:end], "0123456789"):
			return none(end)
		}
		return hit(start, end, f.kind)
	}
	return none(i + 1)
}

func inDotted(c byte) bool { return inToken(c) || c == '.' }

// amazon finds the access keys of AWS and of Google that begin at i.
func amazon(s string, i int) (match, int) {
	const aws, google = 20, 39
	rest := s[i:]
	if len(rest) < aws || !startsWord(s, i) {
		return none(i + 1)
	}
	switch {
	case strings.HasPrefix(rest, "AKIA") || strings.HasPrefix(rest, "ASIA"):
		if e := run(s, i, isUpperOrDigit); e-i == aws && endsWord(s, e) {
			return hit(i, e, AWSKey)
		}
	case strings.HasPrefix(rest, "AIza"):
		if e := run(s, i, inToken); e-i >= google {
			return hit(i, e, GoogleKey)
		}
	case strings.HasPrefix(rest, "AGE-SECRET-KEY-1"):
		return hit(i, run(s, i, inToken), PrivateKey)
	}
	return none(i + 1)
}

func isUpperOrDigit(c byte) bool { return isUpper(c) || isDigit(c) }

const (
	pemBegin = "-----BEGIN "
	pemEnd   = "-----END "
	pemDash  = "-----"
)

// privateKey finds a PEM block with a private key, or what a cut has left of one. Certificates stay.
func privateKey(s string, i int) (match, int) {
	label, body, ok := strings.Cut(s[i+len(pemBegin):], pemDash)
	if !ok || len(label) > 64 || !strings.Contains(label, "PRIVATE KEY") {
		return none(i + len(pemBegin))
	}
	start := len(s) - len(body)
	if at := strings.Index(body, pemEnd); at >= 0 {
		if last := strings.Index(body[at+len(pemEnd):], pemDash); last >= 0 {
			return hit(i, start+at+len(pemEnd)+last+len(pemDash), PrivateKey)
		}
	}
	return hit(i, len(s), PrivateKey)
}
