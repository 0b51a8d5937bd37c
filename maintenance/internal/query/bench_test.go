package query

import "testing"

// BenchmarkParse reads what people ask, and what it costs to write it down again.
func BenchmarkParse(b *testing.B) {
	for name, text := range map[string]string{
		"usual": `service:catalogs level>=warn user_id=42 "connection refused" trace:4bf9`,
		"rich":  `logger:catalogs.store -instance:catalogs-2 (http.status>=500 or err:*) took>=1.5s tag:(a or b c) conn*refused`,
		"regex": `/conn(ection)? refused/i level:error`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMatch is the plain meaning, on one record of usual size: what a faster way is compared with.
func BenchmarkMatch(b *testing.B) {
	for name, text := range map[string]string{
		"columns":   "service:catalogs level>=warn",
		"message":   "msg:refused",
		"attribute": "user_id=42",
		"word":      "nowhere",
		"regex":     "/ref[a-z]+ed by/i",
	} {
		e, err := Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		r := sample()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Match(e, r)
			}
		})
	}
}
