package cli

import (
	"math"
	"strconv"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/sizing"
)

type sizingCommand struct {
	output
	Rate   float64 `required:"" help:"Records per second, of all services together." placeholder:"N"`
	Bytes  float64 `default:"400" help:"Bytes of a record: its logger, message and attributes."`
	Days   float64 `default:"7" help:"How long records are kept."`
	Random float64 `default:"0.2" help:"Share of records like no other, 0 to 1: services log mostly templates; 1 is the worst case."`
}

func (sizingCommand) Help() string {
	return `It asks nobody: what a record costs was measured, on one machine, so that CPU is that machine's. 'signalbox logs top' tells
the rate and the bytes (A RECORD) of a mesh that runs.

Examples:
  signalbox sizing --rate 5000 --bytes 400 --days 7
  signalbox sizing --rate 200 --days 30 --random 1 --json`
}

// sizingAnswer is `sizing --json`; its names are a promise.
type sizingAnswer struct {
	Records      float64 `json:"records"`
	DiskBytes    float64 `json:"disk_bytes"`
	WALPerSecond float64 `json:"wal_bytes_per_second"`
	CPUCores     float64 `json:"cpu_cores"`
	DiskEach     float64 `json:"disk_bytes_per_record"`
	WALEach      float64 `json:"wal_bytes_per_record"`
	CPUEach      float64 `json:"cpu_microseconds_per_record"`
}

// Run prints the forecast.
func (c *sizingCommand) Run(p Process) error {
	switch {
	case !within(c.Rate, 0.001, 1e7):
		return misuse("--rate %v: want 0.001 to 10000000 records per second", c.Rate)
	case !within(c.Bytes, 1, 1<<20):
		return misuse("--bytes %v: want 1 to 1048576", c.Bytes)
	case !within(c.Days, 0.01, 3650):
		return misuse("--days %v: want 0.01 to 3650", c.Days)
	case !within(c.Random, 0, 1):
		return misuse("--random %v: want 0 to 1", c.Random)
	}
	f := sizing.Predict(sizing.Load{Rate: c.Rate, Bytes: c.Bytes, Keep: time.Duration(c.Days * 24 * float64(time.Hour)), Random: c.Random})
	if c.JSON {
		return printJSON(p.Stdout, sizingAnswer{f.Records, f.Disk, f.WAL, f.CPU, f.BytesEach, f.WALEach, f.MicrosEach})
	}
	each := func(n float64, unit string) string {
		return strconv.FormatFloat(n, 'f', 0, 64) + " " + unit + " a record"
	}
	rows := [][]string{
		{"records at rest", grouped(int64(f.Records)), ""},
		{"disk at rest", amount(f.Disk), each(f.BytesEach, "B")},
		{"disk to plan", amount(f.Disk * spare), "the hour being written, and room for a storm"},
		{"WAL", amount(f.WAL) + "/s", each(f.WALEach, "B") + ", " + amount(f.WAL*86400) + " a day"},
		{"CPU", perSecond(f.CPU) + " cores", each(f.MicrosEach, "µs") + ", PostgreSQL and view-service"},
	}
	return newPlain(p, false).grid(rows, 0, func(_, column int) string { return []string{"", bold, faint}[column] })
}

// spare is what a disk needs beyond what lies at rest.
const spare = 1.3

func within(n, least, most float64) bool { return !math.IsNaN(n) && n >= least && n <= most }
