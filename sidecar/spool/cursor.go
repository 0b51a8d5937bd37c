package spool

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
)

// The cursor is 12 bytes: the acknowledged sequence and its CRC-32C. A torn or lost one means that records
// are sent twice, which the store notices.
func (q *Queue) saveCursor(seq uint64) {
	if q.cursor == nil {
		f, err := q.disk.Create(q.cursorPath())
		if err != nil {
			q.metrics.failed("cursor", err)
			return
		}
		q.cursor = f
	}
	var b [12]byte
	binary.LittleEndian.PutUint64(b[:], seq)
	binary.LittleEndian.PutUint32(b[8:], crc32.Checksum(b[:8], castagnoli))
	_, err := q.cursor.WriteAt(b[:], 0)
	q.metrics.failed("cursor", err)
}

func (q *Queue) cursorPath() string { return filepath.Join(q.dir, q.class.String()+".cursor") }

// loadCursor reads what was acknowledged; 0 if that is not known.
func (q *Queue) loadCursor() uint64 {
	b, err := os.ReadFile(q.cursorPath())
	if err != nil || len(b) < 12 || crc32.Checksum(b[:8], castagnoli) != binary.LittleEndian.Uint32(b[8:]) {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}
