package traces

import "testing"

// FuzzAnswers: no answer of a store breaks the reading, and every span that is read has its one place.
func FuzzAnswers(f *testing.F) {
	const id = ID("0000000000000000000000000000000a")
	f.Add([]byte(`{"data":[{"traceID":"a","spans":[{"traceID":"a","spanID":"b","operationName":"x","references":[{"refType":"CHILD_OF","traceID":"a","spanID":"c"}],"startTime":5,"duration":-1,"tags":[{"key":"error","value":true}],"processID":"p"}],"processes":{"p":{"serviceName":"s","tags":[{"key":"service.instance.id","value":"i"}]}}}]}`))
	f.Add([]byte(`[{"traceId":"a","id":"b","parentId":"b","kind":"CLIENT","timestamp":9223372036854775807,"duration":9223372036854775807,"tags":{"error":""}},{"traceId":"a","id":"c","parentId":"d"},{"traceId":"a","id":"d","parentId":"c"}]`))
	f.Add([]byte(`[{"traceId":"a","id":"bbbbbbbbbbbbbbbb.2","parentId":"bbbbbbbbbbbbbbbb"},{"traceId":"a","id":"bbbbbbbbbbbbbbbb","name":"x"},{"traceId":"a","id":"bbbbbbbbbbbbbbbb","name":"y"}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, found := range []Found{fromJaeger(body, id), fromZipkin(body, id)} {
			if len(found.Spans) == 0 && len(found.Missing) == 0 {
				t.Fatal("no spans, and nobody says why")
			}
			keys := map[string]bool{"": true}
			for _, n := range Grow(found.Spans, func(service string) bool { return service != "hidden" }).Nodes {
				if keys[n.Key] || !keys[n.Under] || n.Duration < 0 || n.Depth > maxDepth || n.Hidden && (n.Name != "" || n.Attributes != nil) {
					t.Fatalf("%+v", n)
				}
				keys[n.Key] = true
			}
		}
	})
}
