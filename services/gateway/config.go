package gateway

import (
	"net/url"
	"strings"

	"github.com/signalbox-mesh/signalbox/services/gateway/internal/ratelimit"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/clientaddr"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

// Config is what an operator sets. HTTP_ADDR is the edge, the listener for the outside; the ops paths are
// never there but on OPS_ADDR, which for the gateway has the default :9090.
type Config struct {
	sidecar.Config
	RedisURL       string   `env:"REDIS_URL" secret:"true" desc:"where the gateways count requests together; empty: each by itself"`
	PerUser        string   `env:"RATE_PER_USER" envDefault:"500/1000" desc:"requests a second and burst of one user; 0: no limit"`
	PerAddress     string   `env:"RATE_PER_ADDRESS" envDefault:"1000/2000" desc:"requests a second and burst of one address (IPv6: /64); 0: no limit"`
	SocketsPerUser int      `env:"SOCKETS_PER_USER" envDefault:"20" desc:"WebSocket connections that one user may have open at one gateway; 0: no limit"`
	TrustedProxies []string `env:"TRUSTED_PROXIES" desc:"proxies before the gateway whose X-Forwarded-For is believed (addresses, prefixes, by comma); default: none"`
	CORSOrigins    []string `env:"CORS_ORIGINS" desc:"origins whose pages may call the API (by comma); default: none"`
}

// defaultOps is where the gateway's ops paths answer unless OPS_ADDR says otherwise.
const defaultOps = ":9090"

// checked is what the text of a Config means.
type checked struct {
	perUser, perAddress ratelimit.Limit
	proxies             clientaddr.Policy
	redis               *ratelimit.Redis // nil: none
}

func (c Config) check() (ok checked, err error) {
	if ok.perUser, err = ratelimit.Parse(c.PerUser); err != nil {
		return ok, bad("RATE_PER_USER", err)
	}
	if ok.perAddress, err = ratelimit.Parse(c.PerAddress); err != nil {
		return ok, bad("RATE_PER_ADDRESS", err)
	}
	if c.SocketsPerUser < 0 {
		return ok, &settings.Error{Variable: settings.Variable(service, "SOCKETS_PER_USER"), Problem: "must be a number of connections, or 0 for no limit"}
	}
	if ok.proxies, err = clientaddr.NewPolicy(c.TrustedProxies); err != nil {
		return ok, bad("TRUSTED_PROXIES", err)
	}
	for _, origin := range c.CORSOrigins {
		if !isOrigin(origin) {
			return ok, &settings.Error{Variable: settings.Variable(service, "CORS_ORIGINS"), Problem: "must list origins such as https://studio.example.org, without a path"}
		}
	}
	if c.RedisURL != "" {
		if ok.redis, err = ratelimit.NewRedis(c.RedisURL); err != nil {
			return ok, bad("REDIS_URL", err)
		}
	}
	return ok, nil
}

func isOrigin(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.Path == "" && u.RawQuery == "" && u.User == nil &&
		!strings.ContainsAny(text, "*#")
}

func bad(name string, err error) error {
	return &settings.Error{Variable: settings.Variable(service, name), Problem: err.Error()}
}
