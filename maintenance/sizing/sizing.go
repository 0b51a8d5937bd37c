// Package sizing reckons what a log takes before it is there: disk, write-ahead log, and the CPU of storing it, in
// PostgreSQL and in view-service, from how many records come and how large they are. What a record costs was measured on
// the store itself; BenchmarkForecast holds the forecast to within a fifth of it, and prints what the constants are made of.
package sizing

import "time"

// Load is what is to be stored.
type Load struct {
	Rate  float64       // records per second
	Bytes float64       // of a record: logger, message and attributes, as `signalbox logs top` tells them
	Keep  time.Duration // how long
	// Random is the share of records whose texts are like no other's, 0 to 1. Logs of services are mostly templates
	// with some numbers and ids in them; 1 is the worst case.
	Random float64
}

// Forecast is what it takes.
type Forecast struct {
	Records    float64 // at rest
	Disk       float64 // bytes at rest
	WAL        float64 // bytes per second
	CPU        float64 // cores, for storing: PostgreSQL and view-service together, without receiving
	BytesEach  float64 // at rest, per record
	WALEach    float64 // bytes per record
	MicrosEach float64 // CPU per record
}

// line is a cost per record that grows with its bytes.
type line struct{ base, each float64 }

func (l line) of(bytes float64) float64 { return l.base + l.each*bytes }

// costs of one record.
type costs struct{ disk, wal, micros line }

// measured costs: of records that are templates, and of records that are random.
func measured() (template, random costs) {
	return costs{disk: line{9, 0.1}, wal: line{10.5, 0.125}, micros: line{1.2, 0.0045}},
		costs{disk: line{37.5, 0.119}, wal: line{46, 0.143}, micros: line{2.35, 0.0041}}
}

// Predict reckons the load.
func Predict(l Load) Forecast {
	template, random := measured()
	mixed := func(t, r line) float64 { return (1-l.Random)*t.of(l.Bytes) + l.Random*r.of(l.Bytes) }
	f := Forecast{Records: l.Rate * l.Keep.Seconds(), BytesEach: mixed(template.disk, random.disk), WALEach: mixed(template.wal, random.wal),
		MicrosEach: mixed(template.micros, random.micros)}
	f.Disk, f.WAL, f.CPU = f.Records*f.BytesEach, l.Rate*f.WALEach, l.Rate*f.MicrosEach/1e6
	return f
}
