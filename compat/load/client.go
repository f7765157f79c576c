//go:build linux

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
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
	answer, err := c.read()
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if answer.last {
		c.close()
	}
	if answer.status != what.status || !bytes.Contains(c.body.Bytes(), []byte(what.want)) {
		return fmt.Errorf("answered %d, without %q or with another status than %d: %s", answer.status, what.want, what.status, &c.body)
	}
	return nil
}

// answer is what counts of an answer besides its body.
type answer struct {
	status int
	last   bool // the server closes the connection
}

// read reads an answer of a known length. http.ReadResponse would keep all of
// its headers, for a fifth of what a call costs here.
func (c *client) read() (answer, error) {
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return answer{}, err
	}
	var a answer
	status, ok := bytes.CutPrefix(line, []byte("HTTP/1.1 "))
	if !ok || len(status) < 3 {
		return a, fmt.Errorf("not HTTP/1.1: %q", line)
	}
	if a.status, err = strconv.Atoi(string(status[:3])); err != nil {
		return a, err
	}
	length := -1
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return a, err
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			break
		}
		switch name, value, _ := bytes.Cut(line, []byte(": ")); {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return a, err
			}
		case bytes.EqualFold(name, []byte("Connection")):
			a.last = bytes.EqualFold(value, []byte("close"))
		}
	}
	if length < 0 {
		return a, errors.New("it has no Content-Length")
	}
	c.body.Reset()
	_, err = io.CopyN(&c.body, c.reader, int64(length))
	return a, err
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
