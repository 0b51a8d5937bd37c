package query

import (
	"regexp/syntax"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What is refused is decided before a program is made: the estimate is never too low, and not far too high.
func TestStepsBoundTheProgram(t *testing.T) {
	t.Parallel()
	words := rapid.SampledFrom([]string{"a", "ab", "(", ")", "(?:", "|", "[a-z]", `\d`, ".", "*", "+", "?", "{3}", "{2,5}", "{4,}", "{0,2}", "{0}", "^", "$", `\b`, "*?", "(?i)", "ß"})
	rapid.Check(t, func(r *rapid.T) {
		pattern := strings.Join(rapid.SliceOfN(words, 1, 12).Draw(r, "pattern"), "")
		tree, err := syntax.Parse(pattern, syntax.Perl)
		if err != nil {
			return
		}
		guess := steps(tree) + 2
		prog, err := syntax.Compile(tree.Simplify())
		if err != nil {
			r.Fatalf("%s: %v", pattern, err)
		}
		if real := len(prog.Inst); guess < real || guess > 3*real+10 {
			r.Fatalf("%s: %d steps, guessed %d", pattern, real, guess)
		}
	})
}
