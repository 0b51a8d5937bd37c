package edge

import (
	"encoding/binary"
	"net"
	"sync"
	"time"
)

// restart is a server's frame with close code 1012, service restart: its client comes again, elsewhere.
const restart = "\x88\x02\x03\xf4"

// frames is the client's end of a WebSocket that is passed on. It follows the frames that a service sends, after the head of the
// answer, so that the gateway can say a word of its own between two of them. Write and restart are safe for concurrent use.
type frames struct {
	net.Conn
	limit time.Duration // that a client may take for one write

	mu   sync.Mutex
	end  int    // bytes of the empty line after the head that have passed
	head []byte // of the frame that begins, as far as it has come
	left uint64 // of a frame's payload
	over bool   // our last word is said
}

const emptyLine = "\r\n\r\n"

// Write implements net.Conn.
func (f *frames) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		return 0, net.ErrClosed
	}
	_ = f.SetWriteDeadline(time.Now().Add(f.limit))
	f.follow(p)
	return f.Conn.Write(p)
}

func (f *frames) follow(p []byte) {
	for len(p) > 0 && f.end < len(emptyLine) {
		switch p[0] {
		case emptyLine[f.end]:
			f.end++
		case emptyLine[0]:
			f.end = 1
		default:
			f.end = 0
		}
		p = p[1:]
	}
	for len(p) > 0 {
		if f.left > 0 {
			n := min(uint64(len(p)), f.left)
			f.left -= n
			p = p[n:]
			continue
		}
		f.head = append(f.head, p[0])
		p = p[1:]
		if size, whole := payload(f.head); whole {
			f.left, f.head = size, f.head[:0]
		}
	}
}

// payload is how much follows a frame's head, once that is whole.
func payload(head []byte) (size uint64, whole bool) {
	if len(head) < 2 {
		return 0, false
	}
	length, masked := head[1]&0x7f, head[1]&0x80 != 0
	need := 2
	switch length {
	case 126:
		need += 2
	case 127:
		need += 8
	}
	if masked { // which a server's are not, but its payload is as long
		need += 4
	}
	switch {
	case len(head) < need:
		return 0, false
	case length == 126:
		return uint64(binary.BigEndian.Uint16(head[2:])), true
	case length == 127:
		return binary.BigEndian.Uint64(head[2:]), true
	default:
		return uint64(length), true
	}
}

// restart tells the client to come again, where no frame is under way; nothing is written after it.
func (f *frames) restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.end < len(emptyLine) || f.left > 0 || len(f.head) > 0 || f.over {
		return
	}
	f.over = true
	_ = f.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = f.Conn.Write([]byte(restart))
}
