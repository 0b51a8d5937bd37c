package httpapi_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTypesFromBirthToDeath(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.call("POST", "/types", "builder", `{"name":"lamp","title":" Lamps ","schema":`+lamp+`}`)
	want(t, a, 201, "")
	if a.header.Get("ETag") != `"1"` || a.header.Get("Location") != base+"/types/lamp" || a.str("title") != "Lamps" || a.str("created_by") != "user-builder" {
		t.Errorf("%s %v", a.text, a.header)
	}
	want(t, r.call("POST", "/types", "builder", `{"name":"lamp","schema":{}}`), 409, "conflict")
	want(t, r.call("GET", "/types/lamp", "viewer", nil), 200, "")
	a = r.call("PUT", "/types/lamp", "builder", `{"schema":{"type":"object"}}`, "If-Match", `"1"`)
	want(t, a, 200, "")
	if a.header.Get("ETag") != `"2"` {
		t.Errorf("ETag %s", a.header.Get("ETag"))
	}
	want(t, r.call("PUT", "/types/lamp", "builder", `{"schema":{}}`, "If-Match", `"1"`), 412, "conflict")
	want(t, r.call("PUT", "/types/lamp", "builder", `{"schema":{}}`), 200, "")
	id := r.createRecord("lamp", `{"x":1}`)
	want(t, r.call("DELETE", "/types/lamp", "builder", nil), 409, "conflict")
	want(t, r.call("DELETE", "/types/lamp/records/"+id, "builder", nil), 204, "")
	want(t, r.call("DELETE", "/types/lamp", "builder", nil, "If-Match", `"7"`), 412, "conflict")
	want(t, r.call("DELETE", "/types/lamp", "builder", nil, "If-Match", `"3"`), 204, "")
	want(t, r.call("GET", "/types/lamp", "viewer", nil), 404, "not_found")
	want(t, r.call("GET", "/types/lamp/records", "viewer", nil), 404, "not_found")
}

func TestRecordsFromBirthToDeath(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.createType("lamp", lamp)
	a := r.call("POST", "/types/lamp/records", "operator", `{"data":{"name":"Blue","price":12.50}}`)
	want(t, a, 201, "")
	path := "/types/lamp/records/" + a.str("id")
	if a.header.Get("Location") != base+path || !strings.Contains(a.text, `"price":12.50`) {
		t.Errorf("%s %v", a.text, a.header)
	}
	a = r.call("GET", path, "builder", nil)
	want(t, a, 200, "")
	if a.header.Get("ETag") != `"1"` || !strings.Contains(strings.ReplaceAll(a.text, " ", ""), `"price":12.50`) {
		t.Errorf("%s %v", a.text, a.header)
	}
	want(t, r.call("PUT", path, "builder", `{"data":{"name":"Red"}}`, "If-Match", `"1"`), 200, "")
	want(t, r.call("PUT", path, "builder", `{"data":{"name":"Green"}}`, "If-Match", `"1"`), 412, "conflict")
	want(t, r.call("PUT", path, "builder", `{"data":{"name":7}}`), 400, "invalid")
	want(t, r.call("DELETE", path, "operator", nil, "If-Match", `"1"`), 412, "conflict")
	want(t, r.call("DELETE", path, "operator", nil, "If-Match", "*"), 204, "")
	want(t, r.call("GET", path, "viewer", nil), 404, "not_found")
	want(t, r.call("PUT", path, "builder", `{"data":{"name":"Red"}}`), 404, "not_found")
	want(t, r.call("DELETE", path, "operator", nil), 404, "not_found")
	wanted := []string{"catalogs.type.created", "catalogs.record.created", "catalogs.record.updated", "catalogs.record.deleted"}
	if diff := cmp.Diff(wanted, r.events.types()); diff != "" {
		t.Error(diff)
	}
	for _, p := range r.events.all {
		if p.Key != p.Event.Type || strings.Contains(string(p.Event.Data), "Blue") {
			t.Errorf("%s: %s", p.Key, p.Event.Data)
		}
	}
}

// A changed type governs the records written after it, at once, though the old schema was compiled already.
func TestTheSchemaInForceIsTheOneChecked(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.createType("thing", `{"required":["a"]}`)
	id := r.createRecord("thing", `{"a":1}`)
	want(t, r.call("PUT", "/types/thing", "builder", `{"schema":{"required":["b"]}}`), 200, "")
	want(t, r.call("POST", "/types/thing/records", "builder", `{"data":{"a":1}}`), 400, "invalid")
	want(t, r.call("GET", "/types/thing/records/"+id, "viewer", nil), 200, "")
	want(t, r.call("PUT", "/types/thing/records/"+id, "builder", `{"data":{"a":2}}`), 400, "invalid")
	a := r.call("PUT", "/types/thing/records/"+id, "builder", `{"data":{"b":2}}`)
	want(t, a, 200, "")
	if a.body["schema_version"] != 2.0 {
		t.Error(a.text)
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.createType("lamp", lamp)
	id := r.createRecord("lamp", `{"name":"Blue"}`)
	const body, data = `{"schema":{}}`, `{"data":{"name":"x"}}`
	calls := map[string]func(token string) answer{
		"read types":    func(k string) answer { return r.call("GET", "/types", k, nil) },
		"read type":     func(k string) answer { return r.call("GET", "/types/lamp", k, nil) },
		"read records":  func(k string) answer { return r.call("GET", "/types/lamp/records", k, nil) },
		"read record":   func(k string) answer { return r.call("GET", "/types/lamp/records/"+id, k, nil) },
		"create type":   func(k string) answer { return r.call("POST", "/types", k, `{"name":"other","schema":{}}`) },
		"change type":   func(k string) answer { return r.call("PUT", "/types/lamp", k, body) },
		"delete type":   func(k string) answer { return r.call("DELETE", "/types/lamp", k, nil) },
		"create record": func(k string) answer { return r.call("POST", "/types/lamp/records", k, data) },
		"change record": func(k string) answer { return r.call("PUT", "/types/lamp/records/"+id, k, data) },
		"delete record": func(k string) answer {
			return r.call("DELETE", "/types/lamp/records/01234567-0000-7000-8000-000000000000", k, nil)
		},
	}
	for token, may := range map[string]string{
		"viewer": "read", "viewer@catalogs": "read", "viewer@identity": "", "operator@identity": "", "nothing": "",
		"operator": "read record", "builder": "read record type", "builder@catalogs": "read record type", "admin": "read record type",
	} {
		for name, call := range calls {
			verb, what, _ := strings.Cut(name, " ")
			allowed := verb == "read" && strings.Contains(may, "read") || verb != "read" && slices.Contains(strings.Fields(may), what)
			if got := call(token).status != 403; got != allowed {
				t.Errorf("%s: %s is allowed: %v", token, name, got)
			}
		}
	}
	for name, call := range calls {
		for _, token := range []string{"", "forged"} {
			if a := call(token); a.status != 401 || a.str("code") != "unauthorized" {
				t.Errorf("%s with token %q: %d %s", name, token, a.status, a.text)
			}
		}
	}
}

// Bad input is answered with a problem document that says what is wrong and shows nothing of the inside.
func TestBadInputIsNeverA500(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.createType("lamp", lamp)
	r.createType("any", `{}`)
	id := r.createRecord("lamp", `{"name":"Blue"}`)
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	types := map[string]string{
		"malformed": `{`, "empty": ``, "a list": `[]`, "null": `null`, "two values": `{"name":"a","schema":{}} {}`, "no name": `{"schema":{}}`,
		"no schema": `{"name":"a"}`, "schema null": `{"name":"a","schema":null}`, "schema a text": `{"name":"a","schema":"{}"}`,
		"schema true": `{"name":"a","schema":true}`, "unknown field": `{"name":"a","schema":{},"x":1}`, "name a number": `{"name":1,"schema":{}}`,
		"bad name": `{"name":"A b","schema":{}}`, "name of digits": `{"name":"1a","schema":{}}`, "no text": "{\"name\":\"a\xff\",\"schema\":{}}",
		"long name": `{"name":"` + strings.Repeat("a", 64) + `","schema":{}}`, "long title": `{"name":"a","title":"` + strings.Repeat("a", 201) + `","schema":{}}`,
		"title with NUL": `{"name":"a","title":"\u0000","schema":{}}`, "schema with NUL": `{"name":"a","schema":{"title":"\u0000"}}`,
		"bad keyword": `{"name":"a","schema":{"type":"thing"}}`, "bad regex": `{"name":"a","schema":{"pattern":"("}}`,
		"lookahead": `{"name":"a","schema":{"pattern":"(?=a)"}}`, "old draft": `{"name":"a","schema":{"$schema":"http://json-schema.org/draft-07/schema#"}}`,
		"remote ref": `{"name":"a","schema":{"$ref":"https://example.com/x.json"}}`, "file ref": `{"name":"a","schema":{"$ref":"file:///etc/passwd"}}`,
		"metadata ref": `{"name":"a","schema":{"$ref":"http://169.254.169.254/latest"}}`, "meta-schema ref": `{"name":"a","schema":{"$ref":"https://json-schema.org/draft/2020-12/schema"}}`,
		"dangling ref": `{"name":"a","schema":{"$ref":"#/$defs/none"}}`,
		"dynamic ref":  `{"name":"a","schema":{"$dynamicAnchor":"a","properties":{"x":{"$dynamicRef":"#a"}}}}`,
		"huge number":  `{"name":"a","schema":{"maximum":1e999999999}}`, "large number": `{"name":"a","schema":{"maximum":1e301}}`,
		"endless ref":  `{"name":"a","schema":{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/c/x"}},"$ref":"#/$defs/a"}}`,
		"large schema": `{"name":"a","schema":{"description":"` + strings.Repeat("a", 65<<10) + `"}}`, "deep schema": `{"name":"a","schema":{"enum":` + deep + `}}`,
		"many in one id": `{"name":"a","schema":{"$id":"#x"}}`,
	}
	for name, body := range types {
		refused(t, "create type, "+name, r.call("POST", "/types", "builder", body), 400)
	}
	data := map[string]string{
		"malformed": `{"data":`, "no data": `{}`, "null": `{"data":null}`, "a list": `{"data":[]}`, "a text": `{"data":"x"}`, "unknown": `{"data":{},"id":"x"}`,
		"NUL": `{"data":{"name":"a\u0000"}}`, "NUL in a name": `{"data":{"a\u0000":1}}`, "deep": `{"data":{"x":` + deep + `}}`,
		"a number for PostgreSQL to write out": `{"data":{"x":1e131073}}`, "a tiny number": `{"data":{"x":1e-20000}}`, "digits": `{"data":{"x":` + strings.Repeat("9", 70) + `}}`,
	}
	for name, body := range data {
		refused(t, "create record, "+name, r.call("POST", "/types/any/records", "operator", body), 400)
		refused(t, "change record, "+name, r.call("PUT", "/types/lamp/records/"+id, "operator", body), 400)
	}
	for _, body := range []string{`{"data":{"x":"\ud800"}}`, "{\"data\":{\"x\":\"\xff\"}}", `{"data":{"x":1e300,"y":-1e-300,"x":2}}`, `{"data":{"":{}}}`} {
		if a := r.call("POST", "/types/any/records", "operator", body); a.status != 201 && a.status != 400 {
			t.Errorf("%s: %d %s", body, a.status, a.text)
		}
	}
	refused(t, "large record", r.call("POST", "/types/any/records", "operator", `{"data":{"x":"`+strings.Repeat("a", 1<<20)+`"}}`), 413)
	refused(t, "other content", r.call("POST", "/types", "builder", `name: a`, "Content-Type", "text/yaml"), 415)
	for _, path := range []string{"/types/none", "/types/A%20b", "/types/%00", "/types/" + strings.Repeat("a", 63), "/types/lamp/records/none", "/types/none/records/" + id,
		"/types/any/records/" + id, "/types/lamp/records/%00", "/types/lamp/records/" + strings.ReplaceAll(id, "-", "")} {
		if a := r.call("GET", path, "viewer", nil); a.status != 404 && a.status != 400 && !strings.Contains(path, strings.ReplaceAll(id, "-", "")) {
			t.Errorf("GET %s: %d %s", path, a.status, a.text)
		}
	}
	for _, tag := range []string{"1", `"1`, `1"`, `"1","2"`, `"`} {
		refused(t, "If-Match "+tag, r.call("DELETE", "/types/any", "builder", nil, "If-Match", tag), 400)
	}
	for _, tag := range []string{`"x"`, `""`, `W/"1"`, `"0"`, `"-1"`, `"99999999999999999999"`} {
		refused(t, "If-Match "+tag, r.call("DELETE", "/types/any", "builder", nil, "If-Match", tag), 412)
	}
	if strings.Contains(r.log.String(), `"level":"ERROR"`) {
		t.Error(r.log.String())
	}
}

func refused(t *testing.T, name string, a answer, status int) {
	t.Helper()
	if a.status != status || a.str("code") == "" || a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: %d %.300s", name, a.status, a.text)
	}
	for _, inside := range []string{"SQLSTATE", "goroutine", "pgx", ".go:", "catalog:///", "panic", "ERROR:"} {
		if strings.Contains(a.text, inside) {
			t.Errorf("%s shows %q: %.300s", name, inside, a.text)
		}
	}
}

func (r *rig) list(query string) answer {
	r.t.Helper()
	return r.call("GET", "/types/lamp/records?"+query, "viewer", nil)
}

func (r *rig) lamps() {
	r.t.Helper()
	r.createType("lamp", lamp)
	for _, data := range []string{
		`{"name":"Blue lamp","price":10,"in_stock":true,"size":{"width":3},"note":"a"}`,
		`{"name":"Red lamp","price":20.5,"in_stock":false,"size":{"width":5},"note":1}`,
		`{"name":"Green lamp","price":5,"in_stock":true,"note":null}`,
		`{"name":"bulb","in_stock":true,"tags":["x"],"note":"1"}`,
		`{"name":"O'Brien \"x\"; DROP TABLE records","price":10,"note":[1]}`,
	} {
		r.createRecord("lamp", data)
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.lamps()
	for filter, names := range map[string]string{
		"":                           "Blue Red Green bulb O'Brien",
		"price=10":                   "Blue O'Brien",
		"price = 10.0":               "Blue O'Brien",
		"price>=10 and price<20":     "Blue O'Brien",
		"price>5 AND price<=20.5":    "Blue Red O'Brien",
		"price!=10":                  "Red Green bulb",
		"price=null":                 "bulb",
		"price!=null":                "Blue Red Green O'Brien",
		"in_stock=true and price=10": "Blue",
		`in_stock="true"`:            "",
		"size.width>3":               "Red",
		`"size"."width"=3`:           "Blue",
		`name^="Green l"`:            "Green",
		`name="Blue lamp"`:           "Blue",
		"name=bulb":                  "bulb",
		`name="O'Brien \"x\"; DROP TABLE records"`: "O'Brien",
		`note=1`:                    "Red",
		`note="1"`:                  "bulb",
		"note=null":                 "Green",
		"tags=x":                    "",
		"nothing.at.all=1":          "",
		"nothing=null and price=10": "Blue O'Brien",
		"@created_by=user-operator": "Blue Red Green bulb O'Brien",
		"@created_by!=user-operator and price=10":              "",
		"@created_at>2020-01-01T00:00:00Z and price=10":        "Blue O'Brien",
		"@updated_at<2020-01-01T00:00:00.5+02:00":              "",
		"@id!=01234567-0000-7000-8000-000000000000 and note=1": "Red",
	} {
		a := r.list("filter=" + url.QueryEscape(filter))
		want(t, a, 200, "")
		var got []string
		for _, n := range a.items("name") {
			word, _, _ := strings.Cut(n.(string), " ")
			got = append(got, word)
		}
		if strings.Join(got, " ") != names {
			t.Errorf("%s: %v, want %s", filter, got, names)
		}
	}
}

func TestBadQueries(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.lamps()
	for _, filter := range []string{"price", "price=", "=1", "price==1", "price=1 or price=2", "price=1 and", "price=1 price=2", "and", "price<null", "price^=1", "@name=x",
		"@created_at>yesterday", "@created_at>9", "@id=1", "@id^=\"0\"", "@created_at=0001-01-01T00:00:00Z and @created_at>99999-01-01T00:00:00Z", "a.b.c.d.e.f.g.h.i=1", "a..b=1", ".a=1",
		"a.=1", `"a=1`, `a="x`, `a="\u0000"`, `"\u0000"=1`, "a=\x00", "a=1e999", "price=" + strings.Repeat("9", 100), "1=1", "a b=1", "a=x\xff", strings.Repeat("a", 65) + "=1",
		"'; DROP TABLE records; --", strings.Repeat("a=1 and ", 16) + "a=1", strings.Repeat("a", 3000), "price>1;x=2", `a={"b":1}`} {
		refused(t, "filter "+filter, r.list("filter="+url.QueryEscape(filter)), 400)
	}
	for _, order := range []string{"price down", "price asc desc", "1", "@x", "price,name", "a.b.c.d.e.f.g.h.i", "price;", `"`, "-price", strings.Repeat("a", 600)} {
		refused(t, "order "+order, r.list("order="+url.QueryEscape(order)), 400)
	}
	for _, limit := range []string{"0", "-1", "201", "x", "1.5", "99999999999999999999", ""} {
		if a := r.list("limit=" + limit); limit != "" {
			refused(t, "limit "+limit, a, 400)
		} else if a.status >= 500 {
			t.Errorf("empty limit: %d", a.status)
		}
	}
	next := r.list("limit=2").str("next")
	for name, query := range map[string]string{
		"rubbish": "page=rubbish", "not base64": "page=%21%21", "of another order": "order=price&page=" + next, "of another filter": "filter=price%3D1&page=" + next,
		"JSON of no shape": "page=e30", "cut": "page=" + next[:len(next)-3], "too long": "page=" + strings.Repeat("a", 5000),
	} {
		refused(t, "page, "+name, r.list(query), 400)
	}
	refused(t, "page of types", r.call("GET", "/types?page="+next, "viewer", nil), 400)
	refused(t, "page of another type", func() answer {
		r.createType("other", `{}`)
		return r.call("GET", "/types/other/records?page="+next, "viewer", nil)
	}(), 400)
	if strings.Contains(r.log.String(), `"level":"ERROR"`) {
		t.Error(r.log.String())
	}
}

// Pages of any size give each record once, in order, whatever kinds the field has, and while records come and go.
func TestPagesCoverTheList(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.createType("lamp", `{}`)
	long := strings.Repeat("x", 300)
	for i, v := range []string{`1`, `2`, `2`, `1e300`, `-1e-300`, `"a"`, `"b"`, `"b"`, `null`, `true`, `false`, `[1]`, `{"a":1}`, `"` + long + `a"`, `"` + long + `b"`, `""`} {
		r.createRecord("lamp", fmt.Sprintf(`{"n":%d,"v":%s}`, i, v))
	}
	r.createRecord("lamp", `{"n":16}`)
	for _, order := range []string{"", "v", "v desc", "n desc", "@created_at desc", "@updated_at", "@created_by", "@id desc", "missing.field asc"} {
		all := r.list("order=" + url.QueryEscape(order)).items("n")
		if len(all) != 17 {
			t.Fatalf("%q: %v", order, all)
		}
		for _, limit := range []int{1, 3, 16, 17} {
			if diff := cmp.Diff(all, r.pages(order, limit)); diff != "" {
				t.Errorf("%q by %d: %s", order, limit, diff)
			}
		}
	}
	desc, asc := r.list("order=v+desc").items("n"), r.list("order=v").items("n")
	slices.Reverse(desc)
	if diff := cmp.Diff(asc, desc); diff != "" {
		t.Error(diff)
	}
}

func (r *rig) pages(order string, limit int) (all []any) {
	r.t.Helper()
	query := fmt.Sprintf("order=%s&limit=%d", url.QueryEscape(order), limit)
	for next := ""; ; {
		a := r.list(query + "&page=" + next)
		want(r.t, a, 200, "")
		all = append(all, a.items("n")...)
		if next = a.str("next"); next == "" || len(all) > 100 {
			return all
		}
	}
}

func TestTypesInPages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, name := range []string{"c", "a", "b-1", "b_1", "b"} {
		r.createType(name, `{}`)
	}
	var got []string
	for next := ""; ; {
		a := r.call("GET", "/types?limit=2&page="+next, "viewer", nil)
		want(t, a, 200, "")
		for _, i := range a.body["items"].([]any) {
			got = append(got, i.(map[string]any)["name"].(string))
		}
		if next = a.str("next"); next == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"a", "b", "b-1", "b_1", "c"}, got); diff != "" {
		t.Error(diff)
	}
}
