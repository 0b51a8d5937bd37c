package socket

import (
	"context"
	"fmt"

	"github.com/coder/websocket"
)

// write writes what is queued, and closes the connection behind it.
func (c *Conn) write() {
	for {
		select {
		case one := <-c.queue:
			c.put(one)
			continue
		case <-c.closing: // nothing more comes in
		}
		select {
		case one := <-c.queue:
			c.put(one)
		default:
			_ = c.ws.Close(c.code, c.reason) // which waits for the other end, for some seconds
			c.sever()
			return
		}
	}
}

// put writes one message. When that fails the connection is gone, and what is behind it fails at once.
func (c *Conn) put(one outgoing) {
	ctx, cancel := context.WithTimeout(c.base, c.options.Patience)
	defer cancel()
	err := c.ws.Write(ctx, websocket.MessageText, one.body)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrClosed, err)
	}
	one.ended(err)
}
