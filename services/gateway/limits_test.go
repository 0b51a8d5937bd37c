package gateway_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestW1_Limits: each limit at n-1, n and n+1, over the wire.
func TestW1_Limits(t *testing.T) {
	t.Parallel()
	r := start(t, config(), echoes())
	token := r.token("anna")
	path := "/api/catalogs/v1/types?q="
	for n, status := range map[int]int{8191: 200, 8192: 200, 8193: 414, 60000: 414} {
		if a := r.call("GET", path+strings.Repeat("x", n-len(path)), token, nil); a.status != status {
			t.Errorf("URL of %d: %d", n, a.status)
		}
	}
	for n, status := range map[int]int{8191: 200, 8192: 200, 8193: 431, 60000: 431} {
		if a := r.call("GET", "/api/catalogs/v1/types", token, nil, "X-A", strings.Repeat("x", n-3)); a.status != status {
			t.Errorf("header of %d: %d", n, a.status)
		}
	}
	for n, status := range map[int]int{1<<20 - 1: 200, 1 << 20: 200, 1<<20 + 1: 413} {
		for kind, body := range map[string]io.Reader{"declared": repeat(n), "chunked": struct{ io.Reader }{repeat(n)}} {
			a := r.call("POST", "/api/catalogs/v1/types", token, body)
			if a.status != status || (status == 200 && a.body["size"] != float64(n)) {
				t.Errorf("%s body of %d: %d %s", kind, n, a.status, a.text)
			}
		}
	}
	for n, status := range map[int]int{16 << 10: 200, 16<<10 + 1: 413} {
		if a := r.call("POST", "/api/identity/v1/sessions", "", repeat(n)); a.status != status {
			t.Errorf("sign-in of %d: %d", n, a.status)
		}
	}
}

// TestW1_TheRestIsNotRead: a body that is declared too large is refused before it comes.
func TestW1_TheRestIsNotRead(t *testing.T) {
	t.Parallel()
	r := start(t, config(), echoes())
	all := r.raw(5*time.Second, "POST /api/catalogs/v1/types HTTP/1.1\r\nHost: x\r\nContent-Length: 10485760\r\nAuthorization: Bearer "+r.token("anna")+"\r\n\r\n")
	if len(all) != 1 || all[0].status != http.StatusRequestEntityTooLarge || all[0].code() != "invalid" || !all[0].closed {
		t.Errorf("%+v", all)
	}
}

// TestW2_SlowHeads are closed, and others are served meanwhile.
func TestW2_SlowHeads(t *testing.T) {
	t.Parallel()
	r := start(t, config(), echoes())
	const slow = 50
	closed := make(chan time.Duration, slow)
	for range slow {
		conn, err := net.Dial("tcp", r.addr)
		check(t, err)
		go func() {
			defer conn.Close()
			began := time.Now()
			_, _ = io.WriteString(conn, "GET /docs HTTP/1.1\r\nHost: x\r\nX-Slow: ")
			_ = conn.SetReadDeadline(time.Now().Add(15 * time.Second))
			_, err := io.Copy(io.Discard, conn)
			if err != nil {
				t.Errorf("not closed: %v", err)
			}
			closed <- time.Since(began)
		}()
	}
	for range 50 {
		if a := r.call("GET", "/docs", "", nil); a.status != http.StatusOK {
			t.Errorf("others got %d", a.status)
		}
	}
	longest := time.Duration(0)
	for range slow {
		longest = max(longest, <-closed)
	}
	t.Logf("METRIC slow_head_closed_s=%.1f limit=6", longest.Seconds())
}

// TestW3_SlowBodies are given up, with an answer that says so.
func TestW3_SlowBodies(t *testing.T) {
	t.Parallel()
	r := start(t, config(), echoes())
	began := time.Now()
	all := r.raw(30*time.Second, "POST /api/catalogs/v1/types HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nAuthorization: Bearer "+r.token("anna")+"\r\n\r\nslow")
	t.Logf("METRIC slow_body_closed_s=%.1f limit=30", time.Since(began).Seconds())
	if len(all) != 1 || all[0].status != http.StatusRequestTimeout || all[0].code() != "invalid" {
		t.Errorf("%+v", all)
	}
}

// TestW4_RateLimits: exactly the burst passes, whoever the caller says that he is.
func TestW4_RateLimits(t *testing.T) {
	t.Parallel()
	c := config()
	c.PerAddress, c.PerUser = "1/20", "1/5"
	r := start(t, c, echoes())
	anna, bert := r.token("anna"), r.token("bert")
	spoofs := []string{"X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "X-Cluster-Client-IP", "X_Forwarded_For"}
	count := func(token string, n int) (allowed int, last answer) {
		for i := range n {
			last = r.call("GET", "/api/catalogs/v1/types", token, nil, spoofs[i%len(spoofs)], fmt.Sprintf("for=10.0.0.%d", i))
			if last.status == http.StatusOK {
				allowed++
			}
		}
		return allowed, last
	}
	began := time.Now()
	allowed, last := count(anna, 12)
	most := func(burst int) int { return burst + 1 + int(time.Since(began)/time.Second) }
	if allowed < 5 || allowed > most(5) {
		t.Errorf("%d of anna's 12 passed, want 5", allowed)
	}
	want(t, last, http.StatusTooManyRequests, "too_many")
	for _, name := range []string{"Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"} {
		if _, err := strconv.Atoi(last.header.Get(name)); err != nil {
			t.Errorf("%s: %q", name, last.header.Get(name))
		}
	}
	if allowed, _ := count(bert, 5); allowed != 5 {
		t.Errorf("%d of bert's 5 passed: he pays for anna", allowed)
	}
	total := 10
	for i := range 40 { // no token, and ones that do not hold: the address pays
		if a := r.call("GET", "/api/catalogs/v1/types", "x"+strconv.Itoa(i), nil); a.status == http.StatusUnauthorized {
			total++
		}
	}
	if total < 20 || total > most(21) {
		t.Errorf("%d passed from one address, want 20", total)
	}
}

// TestW4_NowhereIsNotFree: what leads nowhere, or is refused by its head alone, takes a place in the address's bucket too.
func TestW4_NowhereIsNotFree(t *testing.T) {
	t.Parallel()
	for path, status := range map[string]int{"/nowhere": http.StatusNotFound, "/api/catalogs//types": http.StatusBadRequest} {
		c := config()
		c.PerAddress = "1/5"
		r := start(t, c, echoes())
		began, free := time.Now(), 0
		for range 20 {
			a := r.call("GET", path, "", nil)
			if a.status == status {
				free++
			} else {
				want(t, a, http.StatusTooManyRequests, "too_many")
			}
		}
		if most := 6 + int(time.Since(began)/time.Second); free < 5 || free > most {
			t.Errorf("%s: %d of 20 were looked at, want 5", path, free)
		}
	}
}

func TestTrustedProxiesNameTheClient(t *testing.T) {
	t.Parallel()
	c := config()
	c.TrustedProxies = []string{"127.0.0.0/8"}
	r := start(t, c, echoes())
	a := r.call("GET", "/api/catalogs/v1/types", r.token("anna"), nil, "X-Forwarded-For", "6.6.6.6, 192.0.2.7")
	if got := fmt.Sprint(a.body["header"].(map[string]any)["X-Forwarded-For"]); got != "[192.0.2.7]" {
		t.Errorf("the client is %s", got)
	}
}
