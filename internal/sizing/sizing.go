// Package sizing reckons what a log takes before it is there: disk, write-ahead log and CPU of PostgreSQL and of
// view-service, from how many records come and how large they are. What a record costs was measured on the store
// itself (docs/performance.md); the measurement holds the forecast to within a fifth.
package sizing

import "time"

// Load is what is to be stored.
type Load struct {
	Rate  float64       // records per second
	Bytes float64       // of a record: message and attributes as they are sent
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
	CPU        float64 // cores, view-service and PostgreSQL together
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
	return costs{disk: line{24, 0.125}, wal: line{26, 0.14}, micros: line{5.5, 0.009}},
		costs{disk: line{26, 0.235}, wal: line{28, 0.26}, micros: line{5.5, 0.0125}}
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
