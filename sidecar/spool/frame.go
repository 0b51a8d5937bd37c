package spool

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// A frame is a header and a payload:
//
//	magic [4] | size of the payload [4] | CRC-32C of payload, sequence and size [4] | sequence [8] | payload
//
// All numbers are little-endian. The magic lets a reader find the next frame behind a damaged one.

// HeaderSize is what a caller leaves free at the start of a frame it appends.
const HeaderSize = 20

// MaxFrame bounds a frame with its header; a reader takes a larger size for damage.
const MaxFrame = 1 << 20

var (
	magic      = []byte{0xF5, 'S', 'b', 0xF7} // 0xF5 and 0xF7 never occur in UTF-8
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// Record is one that was spooled.
type Record struct {
	Seq  uint64
	Line []byte
}

// checksum covers everything that the header says, so that a flipped bit anywhere is seen. The payload
// comes first: its share can be computed before the sequence is known.
func checksum(payload uint32, header []byte) uint32 {
	payload = crc32.Update(payload, castagnoli, header[12:20])
	return crc32.Update(payload, castagnoli, header[4:8])
}

// seal fills the header of a frame; sum is the CRC-32C of its payload.
func seal(frame []byte, seq uint64, sum uint32) {
	copy(frame, magic)
	binary.LittleEndian.PutUint32(frame[4:], uint32(len(frame)-HeaderSize))
	binary.LittleEndian.PutUint64(frame[12:], seq)
	binary.LittleEndian.PutUint32(frame[8:], checksum(sum, frame))
}

// next reads the frame at the start of b. size 0: there is none that is whole and sound.
func next(b []byte) (r Record, size int) {
	if len(b) < HeaderSize || !bytes.Equal(b[:4], magic) {
		return Record{}, 0
	}
	size = HeaderSize + int(binary.LittleEndian.Uint32(b[4:]))
	if size > MaxFrame || size > len(b) {
		return Record{}, 0
	}
	payload := b[HeaderSize:size]
	if checksum(crc32.Checksum(payload, castagnoli), b) != binary.LittleEndian.Uint32(b[8:]) {
		return Record{}, 0
	}
	return Record{Seq: binary.LittleEndian.Uint64(b[12:]), Line: payload}, size
}

// resync is the distance to the next sound frame in b, or to its end.
func resync(b []byte) int {
	for at := 1; at < len(b); at++ {
		i := bytes.Index(b[at:], magic)
		if i < 0 {
			break
		}
		at += i
		if _, size := next(b[at:]); size > 0 {
			return at
		}
	}
	return len(b)
}
