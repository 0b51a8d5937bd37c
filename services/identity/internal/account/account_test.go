package account

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

func TestName(t *testing.T) {
	t.Parallel()
	cases := map[string]string{ // name: key; "" is refused
		"anna": "anna", "Anna": "anna", "ANNA": "anna", "Ａｎｎａ": "anna", "o'brien": "o'brien", "anna@example.org": "anna@example.org",
		"';drop--": "';drop--", "zo\u0065\u0308": "zoë", "ZOË": "zoë", "Ωmega": "ωmega", "admin": "admin",
		"": "", " ": "", "a b": "", "a\tb": "", "a\x00b": "", "a\u200bb": "", "a\u202eb": "", "\xff": "", "a/b": "", "a\\b": "", "<b>": "",
		"x'; DROP TABLE users; --": "", "😀": "", strings.Repeat("x", 64): strings.Repeat("x", 64), strings.Repeat("x", 65): "",
	}
	for text, want := range cases {
		name, key, err := Name(text)
		if (err == nil) != (want != "") || key != want {
			t.Errorf("%q: name %q key %q err %v, want key %q", text, name, key, err, want)
		}
	}
}

func TestDisplayName(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"": true, "Anna Müller": true, "  spaces  ": true, "👩‍💻 Anna": true, "x\x00": false, "a\nb": false, "evil\u202etxt": false,
		strings.Repeat("ä", 200): true, strings.Repeat("ä", 201): false, "\xff": false,
	} {
		if _, err := DisplayName(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestNormal(t *testing.T) {
	t.Parallel()
	got, err := Normal([]access.Grant{
		{Role: access.Viewer, Services: []string{"scheduler", "catalogs"}},
		{Role: access.Admin, Services: []string{"identity"}},
		{Role: access.Viewer, Services: []string{"catalogs"}},
		{Role: access.Builder, Services: []string{"catalogs"}},
		{Role: access.Builder},
	})
	want := []access.Grant{
		{Role: access.Admin, Services: []string{"identity"}},
		{Role: access.Builder},
		{Role: access.Viewer, Services: []string{"catalogs", "scheduler"}},
	}
	if err != nil || !cmp.Equal(got, want) {
		t.Fatalf("%v %s", err, cmp.Diff(want, got))
	}
	for _, bad := range []access.Grant{{}, {Role: "root"}, {Role: access.Viewer, Services: []string{""}}, {Role: access.Viewer, Services: []string{"Cat alogs"}}} {
		if _, err := Normal([]access.Grant{bad}); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	platform := access.Principal{Grants: []access.Grant{{Role: access.Admin}}}
	local := access.Principal{Grants: []access.Grant{{Role: access.Admin, Services: []string{"identity", "catalogs"}}}}
	cases := []struct {
		holder access.Principal
		grants []access.Grant
		want   bool
	}{
		{platform, []access.Grant{{Role: access.Admin}, {Role: access.Viewer}}, true},
		{local, nil, true},
		{local, []access.Grant{{Role: access.Viewer, Services: []string{"catalogs"}}}, true},
		{local, []access.Grant{{Role: access.Viewer, Services: []string{"catalogs", "scheduler"}}}, false},
		{local, []access.Grant{{Role: access.Viewer}}, false},
		{local, []access.Grant{{Role: access.Admin}}, false},
		{access.Principal{}, []access.Grant{{Role: access.Viewer, Services: []string{"catalogs"}}}, false},
	}
	for i, c := range cases {
		if got := Covers(c.holder, c.grants); got != c.want {
			t.Errorf("case %d: got %v", i, got)
		}
	}
}
