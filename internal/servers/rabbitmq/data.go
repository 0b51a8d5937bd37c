package rabbitmq

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/signalbox-mesh/signalbox/internal/servers/host"
)

// identity is what makes a node itself; the data folder can be used under this name only.
type identity struct{ node, cookie, password string }

// kept is identity as it lies beside the data, closed to all but the node's user.
type kept struct {
	Node     string `json:"node"`
	Cookie   string `json:"cookie"`
	Password string `json:"password"`
}

// prepare makes the identity, or finds it again, and the files that depend on it alone.
func (s *Server) prepare() error {
	if err := s.identify(); err != nil {
		return err
	}
	for _, dir := range []string{"data", "log"} {
		if err := host.Own(s.file(dir), s.who); err != nil {
			return err
		}
	}
	return errors.Join(
		s.write("enabled_plugins", "[].\n", 0o600),
		s.write("rabbitmq-env.conf", "", 0o600), // hides the machine's own
		s.write(".erlang.cookie", s.identity.cookie, 0o400),
	)
}

func (s *Server) identify() error {
	b, err := os.ReadFile(s.file("identity.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return s.newIdentity()
	}
	if err != nil {
		return err
	}
	var k kept
	if err := json.Unmarshal(b, &k); err != nil {
		return fmt.Errorf("read %s: %w", s.file("identity.json"), err)
	}
	s.identity = identity{node: k.Node, cookie: k.Cookie, password: k.Password}
	return nil
}

func (s *Server) newIdentity() error {
	k := kept{Node: "signalbox-" + strings.ToLower(host.Secret()[:10]) + "@localhost", Cookie: host.Secret(), Password: host.Secret()}
	s.identity = identity{node: k.Node, cookie: k.Cookie, password: k.Password}
	b, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return s.write("identity.json", string(b), 0o600)
}

// writeConfig holds what a start decides: the user is made by the first one.
func (s *Server) writeConfig() error {
	return s.write("rabbitmq.conf", fmt.Sprintf(`listeners.tcp.1 = 127.0.0.1:%d
default_user = %s
default_pass = %s
default_user_tags.administrator = true
loopback_users = none
log.console = true
log.console.level = info
log.file = false
disk_free_limit.absolute = 50MB
`, s.ports.amqp, User, s.identity.password), 0o600)
}

// write replaces a file; a read-only one could not be written into again.
func (s *Server) write(name, content string, mode fs.FileMode) error {
	path := s.file(name)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		return err
	}
	return host.Give(path, s.who)
}

// environment is all the node and its tools get; nothing of the caller's but the PATH.
func (s *Server) environment() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "HOME=" + s.dir, // the cookie lies in HOME
		"RUNNING_UNDER_SYSTEMD=1",
		"RABBITMQ_NODENAME=" + s.identity.node,
		"RABBITMQ_NODE_PORT=" + strconv.Itoa(s.ports.amqp),
		"RABBITMQ_NODE_IP_ADDRESS=127.0.0.1",
		"RABBITMQ_DIST_PORT=" + strconv.Itoa(s.ports.dist),
		"RABBITMQ_MNESIA_BASE=" + s.file("data"),
		"RABBITMQ_LOG_BASE=" + s.file("log"),
		"RABBITMQ_LOGS=-",
		"RABBITMQ_CONF_ENV_FILE=" + s.file("rabbitmq-env.conf"),
		"RABBITMQ_CONFIG_FILE=" + s.file("rabbitmq.conf"),
		"RABBITMQ_ENABLED_PLUGINS_FILE=" + s.file("enabled_plugins"),
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false",
		"RABBITMQ_CTL_ERL_ARGS=-start_epmd false",
		"ERL_EPMD_PORT=" + strconv.Itoa(s.ports.epmd),
		"ERL_EPMD_ADDRESS=127.0.0.1",
	}
}
