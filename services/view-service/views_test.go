package viewservice_test

import (
	"fmt"
	"net/http"
	"testing"
)

func TestViewsAreTheirOwnersAlone(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	const views = "/api/view-service/v1/views"
	var made struct{ ID, Name, Query, Since string }
	if got := call(t, v, "viewer", http.MethodPost, views, `{"name":"slow","query":"level>=warn","since":"1h"}`, &made); got != http.StatusCreated || made.ID == "" {
		t.Fatalf("%d %+v", got, made)
	}
	one := views + "/" + made.ID
	for _, c := range []struct {
		token, method, path, body string
		want                      int
	}{
		{"viewer", "POST", views, `{"name":"slow","query":""}`, 409},
		{"viewer", "POST", views, `{"name":"bad","query":"level>=loud"}`, 400},
		{"viewer", "POST", views, `{"name":" ","query":""}`, 400},
		{"viewer", "POST", views, `{"name":"x","query":"","since":"soon"}`, 400},
		{"viewer", "POST", views, `{"name":"x","query":"","more":1}`, 400},
		{"operator", "GET", one, "", 404},
		{"operator", "PUT", one, `{"name":"mine","query":""}`, 404},
		{"operator", "DELETE", one, "", 404},
		{"builder", "GET", views, "", 403},
		{"viewer", "PUT", one, `{"name":"slower","query":"level>=error"}`, 200},
		{"viewer", "GET", views + "/nonsense", "", 404},
		{"viewer", "DELETE", one, "", 204},
		{"viewer", "DELETE", one, "", 404},
	} {
		if got := call(t, v, c.token, c.method, c.path, c.body, nil); got != c.want {
			t.Errorf("%s %s %s %s: %d, want %d", c.token, c.method, c.path, c.body, got, c.want)
		}
	}
	for i := range 200 {
		call(t, v, "viewer", http.MethodPost, views, fmt.Sprintf(`{"name":"v%d","query":""}`, i), nil)
	}
	if got := call(t, v, "viewer", http.MethodPost, views, `{"name":"one more","query":""}`, nil); got != http.StatusConflict {
		t.Errorf("the 201st: %d", got)
	}
	var all struct{ Views []struct{ Name string } }
	if call(t, v, "viewer", http.MethodGet, views, "", &all); len(all.Views) != 200 {
		t.Errorf("%d views", len(all.Views))
	}
}
