//go:build linux

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// call is one request, ready to be sent, and what its answer must be.
type call struct {
	request []byte
	status  int
	want    string // the body contains it
}

// client is one connection, which is made when it is first needed. It writes
// requests that are encoded already and has no goroutine of its own: what the
// load generator does, the server on the same cores cannot.
type client struct {
	address string
	from    net.IP // nil: any
	conn    net.Conn
	reader  *bufio.Reader
	body    bytes.Buffer
}

// patience bounds a call: a server that does not answer fails the run.
const patience = 30 * time.Second

// do makes a call and holds its answer against what it must be.
func (c *client) do(what call) error {
	if c.conn == nil {
		dialer := net.Dialer{Timeout: patience}
		if c.from != nil {
			dialer.LocalAddr = &net.TCPAddr{IP: c.from}
		}
		var err error
		if c.conn, err = dialer.Dial("tcp", c.address); err != nil {
			return err
		}
		c.reader = bufio.NewReader(c.conn)
	}
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := c.conn.Write(what.request); err != nil {
		return err
	}
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	c.body.Reset()
	if _, err := c.body.ReadFrom(resp.Body); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if resp.Close {
		c.close()
	}
	if resp.StatusCode != what.status || !bytes.Contains(c.body.Bytes(), []byte(what.want)) {
		return fmt.Errorf("answered %s, without %q or with another status than %d: %s", resp.Status, what.want, what.status, &c.body)
	}
	return nil
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// fetch makes a plain GET.
func fetch(url string) ([]byte, error) {
	resp, err := (&http.Client{Timeout: patience}).Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return body, err
}
