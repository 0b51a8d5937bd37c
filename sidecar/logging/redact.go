package logging

import "strings"

const redacted = "[redacted]"

// anywhere in a key these make its value a secret; letters only, as normalise leaves them.
func secretAnywhere(key string) bool {
	for _, part := range [...]string{"password", "passwd", "passphrase", "secret", "authorization", "cookie",
		"credential", "apikey", "privatekey", "accesskey", "signingkey", "encryptionkey", "userinfo"} {
		if strings.Contains(key, part) {
			return true
		}
	}
	return false
}

// secretAtEnd leaves token_count and dsn_source alone.
func secretAtEnd(key string) bool {
	for _, part := range [...]string{"token", "tokens", "dsn", "pwd", "jwt"} {
		if strings.HasSuffix(key, part) {
			return true
		}
	}
	return false
}

// secretKey says whether the value under key must not be written, whatever its type.
func secretKey(key string) bool {
	var space [64]byte
	plain := string(normalise(space[:0], key)) // does not escape: no allocation for keys up to 32 letters
	return secretAnywhere(plain) || secretAtEnd(plain)
}

// normalise keeps the letters in lower case: API-Key, api_key and apiKey are one.
func normalise(dst []byte, key string) []byte {
	for i := 0; i < len(key); i++ {
		switch c := key[i]; {
		case 'A' <= c && c <= 'Z':
			dst = append(dst, c+'a'-'A')
		case c != '_' && c != '-' && c != '.' && c != ' ':
			dst = append(dst, c)
		}
	}
	return dst
}

// redactText hides the userinfo of URLs and the password of keyword connection strings in running text.
func redactText(s string) string {
	if strings.Contains(s, "://") {
		s = redactURLs(s)
	}
	if strings.Contains(s, "password=") {
		s = redactKeyword(s, "password=")
	}
	return s
}

func redactURLs(s string) string {
	var b strings.Builder
	for {
		i := strings.Index(s, "://")
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		i += len("://")
		b.WriteString(s[:i])
		s = redactUserinfo(&b, s[i:])
	}
}

// redactUserinfo writes what stands for the userinfo at the start of s and returns the rest, from "@" on.
// The last "@" of the authority ends it, since people forget to escape the ones in passwords. A user's
// name stays readable only beside a password; alone it may be a token.
func redactUserinfo(b *strings.Builder, s string) string {
	end := strings.IndexAny(s, "/?# \t\r\n\"'<>\\")
	if end < 0 {
		end = len(s)
	}
	at := strings.LastIndexByte(s[:end], '@')
	if at < 0 {
		return s
	}
	if user, _, ok := strings.Cut(s[:at], ":"); ok {
		b.WriteString(user + ":")
	}
	b.WriteString(redacted)
	return s[at:]
}

func redactKeyword(s, keyword string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, keyword)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString(keyword + redacted)
		s = after[valueEnd(after):]
	}
}

// valueEnd is where a libpq keyword value or a query parameter ends: 'quoted with \' escapes', or bare.
func valueEnd(s string) int {
	if !strings.HasPrefix(s, "'") {
		if i := strings.IndexAny(s, " \t\r\n&;\"',"); i >= 0 {
			return i
		}
		return len(s)
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '\'':
			return i + 1
		}
	}
	return len(s)
}
