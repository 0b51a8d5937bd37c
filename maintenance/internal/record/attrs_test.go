package record

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	"pgregory.net/rapid"
)

// Whatever texts and numbers come, what is written is JSON that reads back as what encoding/json makes of the same.
func TestAttributesReadBackAsTheyCame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.String(), 0, 70).Draw(t, "texts")
		numbers := rapid.SliceOfN(rapid.Float64(), 0, 5).Draw(t, "numbers")
		want, all := map[string]any{}, []*commonpb.KeyValue{}
		add := func(v *commonpb.AnyValue, back any) {
			key := fmt.Sprintf("k%d<>&\"\\\n", len(all))
			all, want[key] = append(all, kv(key, v)), back
		}
		for _, s := range texts {
			add(str(s), clean(s, maxText))
		}
		for _, n := range numbers {
			if !math.IsNaN(n) && !math.IsInf(n, 0) {
				add(real(n), n)
			}
		}
		var got map[string]any
		raw := encode(all, [2]string{})
		if err := json.Unmarshal(raw, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: %v, want %v, %v", raw, got, want, err)
		}
	})
}

// A key that comes often is kept as often, each under a name of its own, few or many.
func TestKeysThatComeOften(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, few - 1, few, few + 1, 200} {
		var all []*commonpb.KeyValue
		for i := range n {
			all = append(all, kv("a", num(int64(i))), kv("a#2", num(-1)))
		}
		var got map[string]int
		if err := json.Unmarshal(encode(all, [2]string{}), &got); err != nil || len(got) != 2*n || got["a"] != 0 {
			t.Errorf("%d: %d keys, %v", n, len(got), err)
		}
	}
}
