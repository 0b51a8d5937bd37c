// Package postgres keeps the schema maintenance: the log, the ledger, leases, the fleet and the audit.
package postgres

import (
	"embed"
	"io/fs"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

//go:embed migration/*.sql
var migrations embed.FS

// Migrations of the schema.
func Migrations() pg.Migrations {
	dir, err := fs.Sub(migrations, "migration")
	if err != nil {
		panic(err) // the path is a constant
	}
	return pg.Migrations{Name: "maintenance", FS: dir}
}

// kept are the connections of the pool that no question to the log may have: a slow one must not keep batches from
// being stored, or instances from being heard.
const kept = 2

// Store is safe for concurrent use, in several replicas on one schema too.
type Store struct {
	db      *pg.DB
	reading chan struct{} // a place for each question that may be asked at once
	reader  reader
	clock   func() time.Time // by which a scan is late
	events  Events           // nil: changes of leases are not told on the bus

	builders   sync.Pool // of *block.Builder: their buffers are large
	mu         sync.Mutex
	partitions map[shelf]struct{} // known to be there, of any service
	fresh      map[shelf]heap     // small blocks that this replica has put there
	written    int64              // bytes, since somebody has looked at the log's size
	joining    sync.Mutex         // one joins at a time
}

// DefaultCache is how many bytes of blocks' filters, and of small blocks, are kept in memory.
const DefaultCache = 256 << 20

// Cache sets how many bytes are kept in memory, seven of eight for filters. Call it before the first question.
func (s *Store) Cache(bytes int64) {
	s.reader.filters, s.reader.small = newFilters(bytes/8*7), newSmall(bytes/8)
}

// builder is one of those that are there; put it back.
func (s *Store) builder() *block.Builder {
	if b, ok := s.builders.Get().(*block.Builder); ok {
		return b
	}
	return new(block.Builder)
}

// New makes a store on the schema. It does not connect.
func New(db *pg.DB) *Store {
	questions := max(1, db.Pool().Config().MaxConns-kept)
	s := &Store{db: db, reading: make(chan struct{}, questions), reader: reader{catalogue: newCatalogue()}, clock: time.Now, partitions: map[shelf]struct{}{}, fresh: map[shelf]heap{}}
	s.Cache(DefaultCache)
	return s
}
