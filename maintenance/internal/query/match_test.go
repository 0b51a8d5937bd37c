package query

import (
	"log/slog"
	"testing"
	"time"
)

func sample() *Record {
	return &Record{
		TS: time.Date(2026, 11, 21, 8, 30, 0, 0, time.UTC), Level: slog.LevelWarn, Service: "catalogs", Instance: "catalogs-2",
		Logger: "catalogs.store", Msg: "Connection REFUSED by \"peer\"\nat Straße \u0130 \u212a", TraceID: traceA, SpanID: "00f067aa0ba902b7",
		Epoch: "e1", Class: "warn", Seq: 17, Node: "n1",
		Attrs: []byte(`{"err":"dial tcp: i/o timeout","user_id":42,"ratio":0.50,"big":9007199254740993,"exp":1e3,"text_number":"503","padded":"042",
			"took":"1.5s","bare":"90","ok":true,"nothing":null,"empty":"","http":{"status":503,"route":"/x_y","deep":{"er":"down"}},"http.method":"GET",
			"a":{"b":1},"a.b":2,"tags":["red","green",7,null,["nested"]],"nulls":[null],"none":[],"bare_group":{},
			"items":[{"code":5},{"code":"six"}],"service":"attr-svc","odd key":"y","star":"a*b","nan":"NaN","html":"a\u003cb","tru":"TRUE"}`),
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	r := sample()
	for text, want := range map[string]bool{
		"": true,
		// Words: the message, names of attributes, texts of their values.
		"refused": true, "REFUSED": true, `"connection refused"`: true, `"refused connection"`: false, `"by \"PEER\""`: true, "straße": true, "STRASSE": false,
		"\u0130": true, `" i "`: false, "\u212a": true, "k": true, "\"\u0130 k\"": false, "\"\u0130 \u212a\"": true, "timeout": true, "user_id": true, "42": true, "0.50": true, "0.5": true, "0.5000": false, "route": true, "method": true,
		"http.method": true, "http.status": false, "nested": true, "true": true, "null": true, "catalogs": false, "attr-svc": true, `"a<b"`: true, `"503,"`: false, `""`: true,
		"conn*peer": true, "peer*conn": false, "*": true, `"conn*peer"`: false, "a*b": true, `"a*b"`: true, "dial*timeout": true, "refused*timeout": false,
		`"\"err\":"`: false, "warn": false, "17": false,
		// The message.
		"msg:refused": true, "msg:timeout": false, "msg:conn*peer": true, `msg:"conn*peer"`: false, `msg:"Connection refused"`: true, "msg=refused": false, "msg=Conn*": true, "msg=conn*": false,
		"msg!=refused": true, "msg:*": true, "-msg:refused": false,
		// Columns.
		"service:catalogs": true, "service:Catalogs": false, "service:cat*": true, "service:cat": false, `service:"cat*"`: false, "service:(gateway or catalogs)": true,
		"service:(gateway catalogs)": false, "instance:*-2": true, "instance:c*s-*2": true, "env:*": false, "env!=*": true, "env!=prod": true, `env:""`: true, "node:n1": true, "class:warn": true,
		"logger:catalogs": true, "logger:catalogs.store": true, "logger:cat": false, `logger:"catalogs"`: false, "logger:catalogs*": true, "logger:catalogs.stor": false,
		"level:warn": true, "level:warning": true, "level>=warn": true, "level>warn": false, "level<error": true, "level<=warn": true, "level!=warn": false, "level:4": true, "level:info+4": true, "level:*": true,
		"level:(info or warn)": true, "trace:4bf9": true, "trace:4BF9": true, "trace:bf9": false, "trace:" + traceA: true, "trace:*": true, "span:00f0": true, "-trace:4b": false,
		"seq:17": true, "seq>=17.0": true, "seq<17": false, "seq>16.5": true, "seq:*": true, "epoch:e*": true,
		"ts>=2026-11-21": true, "ts<2026-11-21": false, "ts=2026-11-21T08:30:00": true, "ts<=2026-11-21T09:30:00+01:00": true, "ts>2026-11-21T08:30:00Z": false,
		// Attributes: texts.
		"err:timeout": false, "err:*timeout": true, "err:*TIMEOUT": false, `err="dial tcp: i/o timeout"`: true, "http.method=GET": true, "http.route=/x_y": true, "http.deep.er:down": true,
		"attr.service:attr-svc": true, `"service":attr-svc`: true, `"odd key":y`: true, "star:a*b": true, `star:"a*b"`: true, `star:"a*"`: false, "ok:true": true, "ok:TRUE": false, "tru:TRUE": true,
		"er:down": false, "http:503": false, "html=a<b": true, `empty:""`: true, "empty:*": true, `absent:""`: false,
		// Attributes: a name that is both a key and a path has both values.
		"a.b=1": true, "a.b=2": true, "a.b=3": false, "a.b!=1": false, "a.b>1": true, "a.b<2": true,
		// Attributes: absent, null, groups, lists.
		"absent:*": false, "absent:x": false, "absent!=x": true, "-absent:x": true, "absent!=*": true, "absent<5": false, "-absent<5": true, "nothing:*": false, "nothing:null": false, "nothing!=x": true,
		"http:*": true, "http.deep:*": true, "bare_group:*": true, "none:*": true, "nulls:*": true, "nulls:null": false, "http:/503/": false,
		"tags:red": true, "tags:green": true, "tags=7": true, "tags>6": true, "tags:nested": true, "tags:blue": false, "tags!=red": false, "tags!=blue": true, "tags:(red green)": true, "tags:(red -blue)": true,
		"tags:(red -green)": false, "tags:/^gr/": true, "tags.0:red": false, "items.code=5": true, "items.code:six": true, "items.code>=5": true, "items.code>5": false, "items:*": true,
		// Numbers.
		"user_id=42": true, "user_id=42.0": true, "user_id=4.2e1": true, `user_id="42"`: true, `user_id="42.0"`: false, "user_id!=42": false, "user_id=4*": true, `user_id="4*"`: false, "user_id>41": true, "user_id>42": false,
		"ratio=0.5": true, "ratio=.5": true, `ratio="0.5"`: false, `ratio="0.50"`: true, "ratio<1": true, "big=9007199254740993": true, "big=9007199254740992": false, "big>9007199254740992": true, "exp=1000": true, "exp>=1000": true,
		"text_number>=500": true, "text_number=503": true, "text_number=503.0": false, "padded=42": false, "padded>=42": true, "padded<=42": true, "err>1": false, "ok>0": false, "nan>0": false, "nan<0": false,
		// Durations.
		"took>=1.5s": true, "took>1s": true, "took<1500ms": false, "took<=1500ms": true, "took=1500ms": true, "took=1.5s": true, `took="1500ms"`: false, "took>1": false, "user_id>1s": false, "bare>1s": false, "took!=1500ms": false,
		"took<1h": true,
		// Regular expressions.
		"/refused/": false, "/refused/i": true, "/^Connection/": true, "/^by/": false, `/(?m)^at/`: true, "/REFUSED.*at/": false, "/(?s)REFUSED.*at/": true, "msg:/REF/": true, "err:/i\\/o/": true, "err:/^dial/": true,
		"user_id:/^4/": true, "absent:/.*/": false, "-absent:/.*/": true, "nothing:/.*/": false, "service:/^cat/": true, "env:/^$/": true, "trace:/47.6$/": true, "trace:/47.7$/": false, "ok:/t/": true,
		// Together.
		"refused level>=warn": true, "refused level>=error": false, "refused or level>=error": true, "nope or (refused timeout)": true, "nope or refused nope": false, "NOT nope": true, "-refused": false, "--refused": true,
		"-(refused nope)": true, "NOT (refused or nope)": false, "refused and not": true, "refused and nott": false,
	} {
		e, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if Match(e, r) != want {
			t.Errorf("%s: %v, want %v", text, !want, want)
		}
	}
}

// What is stored is not always as it should be.
func TestMatchTakesAnything(t *testing.T) {
	t.Parallel()
	for _, attrs := range []string{"", "null", "[]", `"x"`, "{", `{"a":}`, `{"a":1}}`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", `{"":{"":[[]]}}`, `{"a":1,"a":2}`, "\x00"} {
		for text, want := range map[string]bool{"a:*": attrs == `{"a":1,"a":2}` || attrs == `{"a":"\ud800"}` || attrs == "{\"a\":\"\xff\"}", "a=1": attrs == `{"a":1,"a":2}`, "zz": false} {
			e, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if got := Match(e, &Record{Attrs: []byte(attrs), Msg: "\xff\xfe"}); got != want {
				t.Errorf("%s on %q: %v", text, attrs, got)
			}
		}
	}
	for _, e := range []Expr{nil, Or{}, Regex{Field: "msg", Kind: Message}, Regex{}, Compare{}, Exists{}, Not{nil}} {
		_, _, _ = Match(e, sample()), Require(e), String(e)
	}
}

func TestNumbersAreOrdered(t *testing.T) {
	t.Parallel()
	for _, ordered := range [][]string{
		{"-1e300", "-9223372036854775809", "-9223372036854775808", "-1.5", "-1", "0", "0.1", "9007199254740992", "9007199254740993", "9223372036854775807", "9223372036854775808", "1e300"},
	} {
		for i, a := range ordered {
			for j, b := range ordered {
				n, ok := ParseNumber(a)
				m, also := ParseNumber(b)
				if !ok || !also {
					t.Fatalf("%s or %s is no number", a, b)
				}
				want := 0
				if i < j {
					want = -1
				} else if i > j {
					want = 1
				}
				if b == "-9223372036854775808" && a == "-9223372036854775809" || a == "-9223372036854775808" && b == "-9223372036854775809" {
					want = 0 // the one beyond 64 bits is rounded
				}
				if n.Compare(m) != want || (n.String() == m.String()) != (want == 0) {
					t.Errorf("%s and %s: %d, want %d", a, b, n.Compare(m), want)
				}
			}
		}
	}
	for _, bad := range []string{"", "NaN", "Inf", "0x10", "1_000", "1e999", "--1", "1 ", "٣"} {
		if n, ok := ParseNumber(bad); ok {
			t.Errorf("%q is read as %v", bad, n)
		}
	}
}
