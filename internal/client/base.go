package client

// URL is the API's address, without a slash at its end.
func (c *Client) URL() string { return c.base }
