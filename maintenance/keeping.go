package maintenance

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
)

// Keeping is what an operator sets about how long, and how much of, the log is kept.
type Keeping struct {
	Retention         time.Duration `env:"LOG_RETENTION" envDefault:"168h" desc:"how long log records are kept; older ones are refused"`
	RetentionDebug    time.Duration `env:"LOG_RETENTION_DEBUG" desc:"the same for records below INFO; default: LOG_RETENTION"`
	RetentionInfo     time.Duration `env:"LOG_RETENTION_INFO" desc:"the same for INFO; default: LOG_RETENTION"`
	RetentionWarn     time.Duration `env:"LOG_RETENTION_WARN" desc:"the same for WARN; default: LOG_RETENTION"`
	RetentionError    time.Duration `env:"LOG_RETENTION_ERROR" desc:"the same for ERROR and above; default: LOG_RETENTION"`
	RetentionServices string        `env:"LOG_RETENTION_SERVICES" desc:"shorter times for services, or for a level of one, as in catalogs=24h,gateway.debug=2h"`
	MaxSize           string        `env:"LOG_MAX_SIZE" envDefault:"0" desc:"what the log may occupy in the database, as in 500MB or 20GiB; the oldest hour and in it the lowest level goes first; 0: no bound"`
}

// Bounds of a retention: hours are dropped as a whole, and the store makes no partition older than 400 days.
const (
	shortest = 2 * time.Hour
	farthest = 399 * 24 * time.Hour
)

// Wrong names the first setting that cannot be, without its prefix, and says why; "" when all can.
func (k Keeping) Wrong() (name, problem string) {
	for _, one := range []struct {
		name string
		time time.Duration
	}{{"LOG_RETENTION", k.Retention}, {"LOG_RETENTION_DEBUG", k.of(block.Debug)}, {"LOG_RETENTION_INFO", k.of(block.Info)},
		{"LOG_RETENTION_WARN", k.of(block.Warn)}, {"LOG_RETENTION_ERROR", k.of(block.Error)}} {
		if one.time < shortest || one.time > farthest {
			return one.name, "must be at least 2h and at most 9576h (399 days)"
		}
	}
	if _, err := k.services(); err != nil {
		return "LOG_RETENTION_SERVICES", err.Error()
	}
	if _, err := k.maxBytes(); err != nil {
		return "LOG_MAX_SIZE", err.Error()
	}
	return "", ""
}

// of a class of levels.
func (k Keeping) of(class block.Tier) time.Duration {
	for tier, d := range map[block.Tier]time.Duration{block.Debug: k.RetentionDebug, block.Info: k.RetentionInfo, block.Warn: k.RetentionWarn, block.Error: k.RetentionError} {
		if tier == class && d > 0 {
			return d
		}
	}
	return k.Retention
}

// longest that any record is kept: what is older is refused.
func (k Keeping) longest() (d time.Duration) {
	for _, class := range block.Tiers {
		d = max(d, k.of(class))
	}
	return d
}

// rule for the records of one service and one class of levels.
type rule struct {
	service string
	class   block.Tier
	keep    time.Duration
}

// services have rules of their own: "name=time" or "name.level=time".
func (k Keeping) services() (rules []rule, err error) {
	for item := range strings.SplitSeq(k.RetentionServices, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		name, text, ok := strings.Cut(item, "=")
		keep, err := time.ParseDuration(strings.TrimSpace(text))
		if !ok || err != nil || keep < shortest || keep > farthest {
			return nil, fmt.Errorf("must be a list of service=time or service.level=time, each time at least 2h; %q is not", item)
		}
		service, level, one := strings.Cut(strings.TrimSpace(name), ".")
		found := false
		for _, class := range block.Tiers {
			if !one || level == class.String() {
				rules, found = append(rules, rule{service, class, keep}), true
			}
		}
		if !found || service == "" {
			return nil, fmt.Errorf("must name services, and of the levels debug, info, warn and error; %q does not", item)
		}
	}
	return rules, nil
}

// maxBytes is 0 for no bound.
func (k Keeping) maxBytes() (int64, error) {
	text := strings.TrimSpace(k.MaxSize)
	factor := int64(1)
	for _, unit := range []struct {
		name   string
		factor int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"KB", 1e3}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}} {
		if number, ok := strings.CutSuffix(text, unit.name); ok {
			text, factor = strings.TrimSpace(number), unit.factor
			break
		}
	}
	if strings.TrimSpace(k.MaxSize) == "" {
		return 0, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0 && n*float64(factor) < 1<<62) {
		return 0, fmt.Errorf("must be a number of bytes, as in 500MB or 20GiB; %q is not", k.MaxSize)
	}
	size := int64(n * float64(factor))
	if size > 0 && size < minSize {
		return 0, fmt.Errorf("must be at least %d MiB, or 0 for no bound", minSize>>20)
	}
	return size, nil
}

// minSize is what an empty log with its partitions needs several times over.
const minSize = 64 << 20
