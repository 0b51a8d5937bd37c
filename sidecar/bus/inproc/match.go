package inproc

import "strings"

// match is the topic exchange's rule: words between dots, * is one word, # is any number of them.
func match(pattern, key string) bool {
	return matchWords(strings.Split(pattern, "."), strings.Split(key, "."))
}

func matchWords(pattern, key []string) bool {
	for i, word := range pattern {
		if word == "#" {
			return matchRest(pattern[i+1:], key[i:])
		}
		if i >= len(key) || word != "*" && word != key[i] {
			return false
		}
	}
	return len(pattern) == len(key)
}

// matchRest tries what follows a # at every word; an empty key counts as no word there.
func matchRest(pattern, key []string) bool {
	for n := 0; n <= len(key); n++ {
		if matchWords(pattern, key[n:]) {
			return true
		}
	}
	return false
}
