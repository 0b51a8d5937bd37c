package follow

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"os"

	"golang.org/x/sys/unix"
)

// headBytes of a file tell it from another one that has got its inode.
const headBytes = 1024

// place is a file and how far it was read.
type place struct {
	dev, inode uint64
	offset     int64
	headSize   int // bytes that headHash is of
	headHash   uint64
}

// known: something was read before.
func (p place) known() bool { return p.inode != 0 }

func hashOf(head []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(head)
	return h.Sum64()
}

const (
	slotSize = 64
	magic    = 0x73622d63 // sb-c
)

// cursor is a file of two slots that are written in turn, so that one is whole whatever happens. Its lock keeps a second
// reader of the same file out. For one goroutine.
type cursor struct {
	file       *os.File
	generation uint64
	slot       [slotSize]byte
}

// errHeld says that another process reads the same file for the same service.
var errHeld = errors.New("another signalbox ship reads this file for this service: end it, or name another service")

// openCursor takes the lock and reads the place; none is known of a new or a damaged cursor.
func openCursor(path string) (*cursor, place, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, place{}, fmt.Errorf("open the cursor: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = errHeld
		}
		return nil, place{}, errors.Join(err, f.Close())
	}
	c := &cursor{file: f}
	var at place
	for i := range int64(2) {
		var b [slotSize]byte
		if _, err := f.ReadAt(b[:], i*slotSize); err != nil {
			continue
		}
		if p, generation, ok := decode(b[:]); ok && generation > c.generation {
			c.generation, at = generation, p
		}
	}
	return c, at, nil
}

func decode(b []byte) (p place, generation uint64, ok bool) {
	le := binary.LittleEndian
	if le.Uint32(b) != magic || le.Uint32(b[slotSize-4:]) != crc32.ChecksumIEEE(b[:slotSize-4]) {
		return p, 0, false
	}
	p = place{dev: le.Uint64(b[16:]), inode: le.Uint64(b[24:]), offset: int64(le.Uint64(b[32:])), headSize: int(le.Uint32(b[40:])), headHash: le.Uint64(b[44:])}
	return p, le.Uint64(b[8:]), true
}

// save costs one write to the page cache.
func (c *cursor) save(p place) error {
	c.generation++
	b, le := c.slot[:], binary.LittleEndian
	le.PutUint32(b, magic)
	le.PutUint64(b[8:], c.generation)
	le.PutUint64(b[16:], p.dev)
	le.PutUint64(b[24:], p.inode)
	le.PutUint64(b[32:], uint64(p.offset))
	le.PutUint32(b[40:], uint32(p.headSize))
	le.PutUint64(b[44:], p.headHash)
	le.PutUint32(b[slotSize-4:], crc32.ChecksumIEEE(b[:slotSize-4]))
	if _, err := c.file.WriteAt(b, int64(c.generation%2)*slotSize); err != nil {
		return fmt.Errorf("write the cursor: %w", err)
	}
	return nil
}

// close makes the last place durable.
func (c *cursor) close() error { return errors.Join(c.file.Sync(), c.file.Close()) }
