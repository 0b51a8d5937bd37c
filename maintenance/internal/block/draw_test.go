package block

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// number in any form that JSON allows.
func number() *rapid.Generator[string] {
	return rapid.OneOf(rapid.StringMatching(`-?(0|[1-9][0-9]{0,3})`), rapid.StringMatching(`-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?`),
		rapid.Map(rapid.Int64(), func(n int64) string { return strconv.FormatInt(n, 10) }),
		rapid.Map(rapid.IntRange(0, 100_000), func(n int) string { return strconv.FormatFloat(float64(n)/1000, 'f', -1, 64) }),
		rapid.SampledFrom([]string{"-0", "0", "0.0", "1.10", "-0.5", "9223372036854775807", "-9223372036854775808", "99999999999999999", "100000000000000000", "0.123456789", "0.1234567891", "1e2"}))
}

// literal is a JSON value as somebody may write it, at most so deep.
func literal(deep int) *rapid.Generator[string] {
	str := rapid.OneOf(rapid.Map(text(), func(s string) string { raw, _ := json.Marshal(s); return string(raw) }),
		rapid.StringMatching(`"[0-9a-f]{4}"`), rapid.StringMatching(`"[0-9a-f]{7}"`), rapid.StringMatching(`"[0-9a-f]{16}"`), rapid.StringMatching(`"[0-9a-fA-F]{1,70}"`),
		rapid.StringMatching(`"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"`), rapid.SampledFrom([]string{`""`, `"\u00e9\/\\"`, `"\ud83d\ude00"`, `"GET"`, `"POST"`, `"\u001e\u001a"`}))
	scalar := rapid.OneOf(str, number(), rapid.SampledFrom([]string{"true", "false", "null"}))
	if deep == 0 {
		return scalar
	}
	return rapid.OneOf(scalar, scalar, scalar, literalObject(deep-1), rapid.Map(rapid.SliceOfN(literal(deep-1), 0, 3), func(all []string) string { return "[" + strings.Join(all, ",") + "]" }))
}

// literalObject has keys that come twice, empty ones, and ones that look like what stands around them.
func literalObject(deep int) *rapid.Generator[string] {
	key := rapid.SampledFrom([]string{"a", "b", "a.b", "", ".", "user_id", "x\x7f", `\"`, `\u0061`, "{", "é", "\\u001a0\\u001a"})
	return rapid.Custom(func(t *rapid.T) string {
		var members []string
		for range rapid.IntRange(0, 4).Draw(t, "members") {
			blank := rapid.SampledFrom([]string{"", "", "", "", " "}).Draw(t, "blank")
			members = append(members, `"`+key.Draw(t, "key")+`"`+blank+":"+blank+literal(deep).Draw(t, "value"))
		}
		return "{" + strings.Join(members, ",") + "}"
	})
}

// alike makes many records that differ little: fields that are all of one kind, and shapes that come often.
func alike() *rapid.Generator[[]*record.Record] {
	return rapid.Custom(func(t *rapid.T) (all []*record.Record) {
		objects := rapid.SliceOfN(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c.d", "e", ""}), 0, 4), 1, 4).Draw(t, "shapes")
		values := map[string]*rapid.Generator[string]{}
		for _, name := range []string{"a", "b", "c.d", "e", ""} {
			values[name] = rapid.SampledFrom([]*rapid.Generator[string]{number(), rapid.StringMatching(`[1-9][0-9]?`), rapid.StringMatching(`-?[1-9][0-9]?\.[1-9]`), rapid.StringMatching(`"[0-9a-f]{5}"`),
				rapid.StringMatching(`"[0-9a-f]{12}"`), rapid.StringMatching(`"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"`), rapid.SampledFrom([]string{`"GET"`, `"POST"`}), literal(2)}).Draw(t, "values")
		}
		for i := range rapid.IntRange(1, 60).Draw(t, "records") {
			var object strings.Builder
			for k, name := range rapid.SampledFrom(objects).Draw(t, "shape") {
				if k > 0 {
					object.WriteByte(',')
				}
				fmt.Fprintf(&object, `%q:%s`, name, values[name].Draw(t, "value"))
			}
			all = append(all, &record.Record{TS: hour().Add(time.Duration(i) * time.Millisecond), Instance: "i", Seq: uint64(i + 1), Epoch: "e", Class: "info",
				Msg: rapid.SampledFrom([]string{"", "request served", "request served by a", " leading", "a=1, b=2", "é!", "x\ny"}).Draw(t, "msg"), Attrs: []byte("{" + object.String() + "}")})
		}
		return all
	})
}
