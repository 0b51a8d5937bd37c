package pg

import (
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// poolConfig bounds everything that could hang: connecting, and the ping of a connection that lay idle.
func poolConfig(s Settings, m *metrics) (*pgxpool.Config, error) {
	c, err := pgxpool.ParseConfig(s.URL)
	if err != nil || !looksLikeURL(s.URL) {
		return nil, errURL
	}
	prepare(&c.ConnConfig.Config, s.Schema)
	c.MaxConns = s.MaxConns
	if c.MaxConns <= 0 {
		c.MaxConns = defaultMaxConns
	}
	c.MinConns = 0
	c.PingTimeout = pingTimeout
	c.HealthCheckPeriod = 15 * time.Second
	c.MaxConnIdleTime = 5 * time.Minute
	c.MaxConnLifetime = time.Hour
	c.MaxConnLifetimeJitter = 10 * time.Minute
	c.ConnConfig.Tracer = multitracer.New(newSpans(s), m) // the span first: m's exemplars may be it
	return c, nil
}

func ownerConfig(s Settings) (*pgx.ConnConfig, error) {
	c, err := pgx.ParseConfig(s.OwnerURL)
	if err != nil || !looksLikeURL(s.OwnerURL) {
		return nil, errURL
	}
	prepare(&c.Config, s.Schema)
	return c, nil
}

// looksLikeURL refuses the key=value form and an empty text, which pgx would fill from the
// environment and the user's home.
func looksLikeURL(text string) bool {
	return strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://")
}

func prepare(c *pgconn.Config, schema string) {
	c.RuntimeParams["search_path"] = ident(schema)
	if c.RuntimeParams["jit"] == "" {
		// Statements here are short, and some forbid a plan: the cost that this puts on what is left would have the server
		// compile them each time, for many times what they take.
		c.RuntimeParams["jit"] = "off"
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "signalbox/" + schema
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTimeout
	}
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3,
	}}
	c.DialFunc = dialer.DialContext
}
