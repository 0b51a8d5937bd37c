package query

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// plain is a column's comparison, attr an attribute's.
func plain(field, value string) Compare { return Compare{Field: field, Kind: Plain, Value: value} }

func attr(field, value string) Compare { return Compare{Field: field, Value: value} }

func numeric42(field string, op Op) Compare {
	return Compare{Field: field, Op: op, Value: "42", Is: Numeric, Number: Integer(42)}
}

func word(s string) Text { return Text{Value: s} }

func TestParse(t *testing.T) {
	t.Parallel()
	service := plain("service", "catalogs")
	for text, want := range map[string]Expr{
		"":                             And{},
		"  ":                           And{},
		"service:catalogs":             service,
		"service=catalogs":             service,
		`service:"catalogs"`:           Compare{Field: "service", Kind: Plain, Value: "catalogs", Exact: true},
		"service!=catalogs":            Not{service},
		"env:prod":                     plain("environment", "prod"),
		"level>=warn":                  Compare{Field: "level", Kind: Level, Op: GreaterEqual, Value: "warn", Level: slog.LevelWarn},
		"level:warning":                Compare{Field: "level", Kind: Level, Value: "warning", Level: slog.LevelWarn},
		"level<info+2":                 Compare{Field: "level", Kind: Level, Op: Less, Value: "info+2", Level: 2},
		"level>-4":                     Compare{Field: "level", Kind: Level, Op: Greater, Value: "-4", Level: -4},
		"user_id=42":                   numeric42("user_id", Equal),
		"user_id:42":                   numeric42("user_id", Equal),
		`user_id="42"`:                 Compare{Field: "user_id", Value: "42", Exact: true},
		"attr.service=x":               attr("service", "x"),
		`"an odd: key"=x`:              attr("an odd: key", "x"),
		`"service":x`:                  attr("service", "x"),
		"key#2:x":                      attr("key#2", "x"),
		"err=<nil>":                    attr("err", "<nil>"),
		"http.status>=500":             Compare{Field: "http.status", Op: GreaterEqual, Value: "500", Is: Numeric, Number: Integer(500)},
		"took>=1.5s":                   Compare{Field: "took", Op: GreaterEqual, Value: "1.5s", Is: Timespan, Duration: 1500 * time.Millisecond},
		`took<"2h45m"`:                 Compare{Field: "took", Op: Less, Value: "2h45m", Exact: true, Is: Timespan, Duration: 165 * time.Minute},
		"took=1ms":                     Compare{Field: "took", Value: "1ms", Is: Timespan, Duration: time.Millisecond},
		"url=http://a/b?c=d":           attr("url", "http://a/b?c=d"),
		"path=/api/v1":                 attr("path", "/api/v1"),
		"path!=/api/":                  Not{attr("path", "/api/")},
		"trace:4BF9":                   Compare{Field: "trace_id", Kind: Hex, Value: "4bf9"},
		"seq>=10":                      Compare{Field: "seq", Kind: Sequence, Op: GreaterEqual, Value: "10", Is: Numeric, Number: Integer(10)},
		"ts>=2026-11-21":               Compare{Field: "ts", Kind: Time, Op: GreaterEqual, Value: "2026-11-21", Time: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)},
		"ts<2026-11-21T09:00:00+01:00": Compare{Field: "ts", Kind: Time, Op: Less, Value: "2026-11-21T09:00:00+01:00", Time: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)},
		"-instance:x":                  Not{plain("instance", "x")},
		"NOT instance:x y":             And{Not{plain("instance", "x")}, word("y")},
		"not found":                    And{word("not"), word("found")},
		`"connection refused"`:         word("connection refused"),
		`"a \"b\" \\"`:                 word(`a "b" \`),
		"refused":                      word("refused"),
		"100%":                         word("100%"),
		"ORDER":                        word("ORDER"),
		"order":                        word("order"),
		`"or"`:                         word("or"),
		"conn*refused":                 Text{"conn*refused", true},
		`"conn*refused"`:               word("conn*refused"),
		"msg:conn*refused":             Compare{Field: "msg", Kind: Message, Op: Contains, Value: "conn*refused"},
		"msg=done":                     Compare{Field: "msg", Kind: Message, Value: "done"},
		"msg!=done":                    Not{Compare{Field: "msg", Kind: Message, Value: "done"}},
		"err:*":                        Exists{"err", Attribute},
		"err!=*":                       Not{Exists{"err", Attribute}},
		`err="*"`:                      Compare{Field: "err", Value: "*", Exact: true},
		"epoch:*":                      Exists{"epoch", Plain},
		"/api/v1":                      Text{Value: "/api/v1"},
		"/api/*":                       Text{Value: "*/api/*", Wild: true},
		"-/x":                          Not{Text{Value: "/x"}},
		"path:/api/v1?a=1":             attr("path", "/api/v1?a=1"),
		"path:/api/*":                  attr("path", "/api/*"),
		"path:(/a or /b)":              Or{attr("path", "/a"), attr("path", "/b")},
		"msg:/api":                     Compare{Field: "msg", Kind: Message, Op: Contains, Value: "/api"},
		`/api "a/"`:                    And{Text{Value: "/api"}, Text{Value: "a/"}},
		"/api path:/x/":                And{Text{Value: "/api"}, Regex{Field: "path", Pattern: "x"}},
		"/conn(ection)? refused/":      Regex{Field: "msg", Kind: Message, Pattern: "conn(ection)? refused"},
		`/a\/b/i`:                      Regex{Field: "msg", Kind: Message, Pattern: "a/b", Fold: true},
		`/\d+-\d+-\d+ \d+-\d+-\d+/`:    Regex{Field: "msg", Kind: Message, Pattern: `\d+-\d+-\d+ \d+-\d+-\d+`},
		"-err:/^EOF$/":                 Not{Regex{Field: "err", Pattern: "^EOF$"}},
		"logger:/store$/":              Regex{Field: "logger", Kind: Logger, Pattern: "store$"},
		"service:(a or b)":             Or{plain("service", "a"), plain("service", "b")},
		"service!=(a or b)":            Not{Or{plain("service", "a"), plain("service", "b")}},
		`tag:(a or "b" c -d*)`:         Or{attr("tag", "a"), And{Compare{Field: "tag", Value: "b", Exact: true}, attr("tag", "c"), Not{attr("tag", "d*")}}},
		"tag:(a) b":                    And{attr("tag", "a"), word("b")},
		"err:(/eof/i or *)":            Or{Regex{Field: "err", Pattern: "eof", Fold: true}, Exists{"err", Attribute}},
		"path=(/a or /b)":              Or{attr("path", "/a"), attr("path", "/b")},
		"a b":                          And{word("a"), word("b")},
		"a AND b":                      And{word("a"), word("b")},
		"a and b":                      And{word("a"), word("b")},
		"a OR b c":                     Or{word("a"), And{word("b"), word("c")}},
		"a or b c":                     Or{word("a"), And{word("b"), word("c")}},
		"(a OR b) c":                   And{Or{word("a"), word("b")}, word("c")},
		"(a b) c":                      And{And{word("a"), word("b")}, word("c")},
		"-(a b)":                       Not{And{word("a"), word("b")}},
		"--a":                          Not{Not{word("a")}},
		`logger:catalogs.store -instance:x level>=warn`: And{
			Compare{Field: "logger", Kind: Logger, Value: "catalogs.store"},
			Not{plain("instance", "x")},
			Compare{Field: "level", Kind: Level, Op: GreaterEqual, Value: "warn", Level: slog.LevelWarn},
		},
	} {
		got, err := Parse(text)
		if err != nil {
			t.Errorf("Parse(%q): %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Parse(%q): %s", text, diff)
		}
		again, err := Parse(String(got))
		if diff := cmp.Diff(got, again); diff != "" || err != nil {
			t.Errorf("Parse(%q) is written %q, which is read as something else: %v %s", text, String(got), err, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		pos int
		say string
	}{
		`"open`:                               {0, "a quote is not closed"},
		`a "open`:                             {2, "a quote is not closed"},
		"service:":                            {8, "a value is expected"},
		"service>x":                           {8, "has no order"},
		"level>=loud":                         {7, "is no level"},
		"level>=info+99999":                   {7, "no such level"},
		"level:/w/":                           {6, "is no text"},
		"trace:xyz":                           {6, "1 to 32 hexadecimal digits"},
		`trace:""`:                            {6, "1 to 32 hexadecimal digits"},
		"span:00112233445566778":              {5, "1 to 16 hexadecimal digits"},
		"status>=many":                        {8, "neither a number nor a duration"},
		"status>=NaN":                         {8, "neither a number nor a duration"},
		"status>=1e999":                       {8, "neither a number nor a duration"},
		"ts>=yesterday":                       {4, "is no time"},
		"(a":                                  {2, "is not closed"},
		"a)":                                  {1, "was not opened"},
		"()":                                  {1, "nothing within"},
		"tag:()":                              {5, "nothing within"},
		"a OR":                                {4, "or needs a term on both sides"},
		"or a":                                {0, "or needs a term on both sides"},
		"a or or b":                           {5, "or needs a term on both sides"},
		"a and":                               {5, "and needs a term on both sides"},
		"and a":                               {4, "and needs a term on both sides"},
		"a and or b":                          {6, "and needs a term on both sides"},
		"a NOT":                               {5, "NOT needs a term behind it"},
		"- a":                                 {1, "a minus needs a term"},
		"attr.=x":                             {0, "the name of an attribute"},
		`"":x`:                                {0, "the name of an attribute"},
		"=x OR":                               {5, "or needs a term on both sides"},
		strings.Repeat("(", 40):               {17, "more than 16 deep"},
		strings.Repeat("a ", 65):              {128, "at most 64 terms"},
		strings.Repeat("-", 70) + "a":         {64, "at most 64 terms"},
		strings.Repeat("a", 4097):             {4096, "at most 4096 bytes"},
		"a\x00b":                              {0, "UTF-8"},
		"\xff":                                {0, "UTF-8"},
		"a && b":                              {2, "write and"},
		"a || b":                              {2, "write or"},
		"!a":                                  {0, "write a minus"},
		"a==b":                                {1, "write a=…"},
		"a=~b":                                {1, "a regular expression is written a:/…/"},
		"a!~b":                                {1, "-a:/…/"},
		"a:>5":                                {1, "write a>…"},
		"a:>=5":                               {1, "write a>=…"},
		"a=>5":                                {1, "write a>=…"},
		"a<>5":                                {1, "write a!=…"},
		"std::string":                         {3, "put it in quotes"},
		"http://a/b":                          {4, "put it in quotes"},
		"'a b'":                               {0, "stands between two of these: \""},
		"x:'a b'":                             {2, "stands between two of these: \""},
		"“a b”":                               {0, "stands between two of these: \""},
		"x:(>5 or 3)":                         {3, "write (x>=1 x<2)"},
		"/a[b]":                               {0, "not closed by a slash; to look for the text put it in quotes"},
		"/a(b)":                               {0, "not closed by a slash; to look for the text put it in quotes"},
		"/":                                   {0, "not closed by a slash; to look for the text put it in quotes"},
		"/api/v1/":                            {5, "ends with its slash"},
		"/a/b c/":                             {3, "ends with its slash"},
		"x:/a/b/i":                            {5, "ends with its slash"},
		"x:/a.*b":                             {2, "not closed by a slash"},
		"/a(/":                                {1, "missing closing )"},
		"x:/(?=a)/":                           {3, "look-around and back references do not exist"},
		`x:/(a)\1/`:                           {6, "look-around and back references do not exist"},
		"/" + strings.Repeat(`\pL`, 33) + "/": {0, "at most 32 classes"},
		`/[a-\xff]/ /[a-ü][a-ü][a-ü][a-ü]/`:   {11, "4 ranges that end beyond ASCII"},
		"x:/ab[/i":                            {5, `missing closing ]: "["`},
		"//":                                  {0, "has 1 to 512 bytes, this one has 0"},
		"/" + strings.Repeat("a", 600) + "/":  {0, "has 1 to 512 bytes, this one has 600"},
		"/(a{30}){30}/":                       {0, "have at most 500 steps"},
		"/a{300}/ x:/b{300}/":                 {11, "have at most 500 steps"},
		strings.Repeat("k", 300) + "=1":       {0, "of 1 to 256 bytes"},
	} {
		_, err := Parse(text)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("Parse(%.40q) = %v, want *Error", text, err)
		} else if e.Pos != want.pos || !strings.Contains(e.Detail, want.say) {
			t.Errorf("Parse(%.40q): at %d (%s), want %d (%s)", text, e.Pos, e.Detail, want.pos, want.say)
		}
	}
}
