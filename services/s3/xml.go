package s3

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
	xmlHeader = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
)

// maxDocument bounds the documents that calls send: 1,000 keys to delete, each
// of 1,024 escaped bytes, fit.
const maxDocument = 2 << 20

// readXML reads the call's body into a struct.
func (c *call) readXML(into any) error {
	b, err := c.readAll(maxDocument)
	if err != nil {
		return err
	}
	if err := xml.Unmarshal(b, into); err != nil {
		f := malformedXML()
		f.Reason.Message = err.Error()
		return f
	}
	return nil
}

// writeXML answers with a document whose root is in S3's namespace.
func (c *call) writeXML(root string, content any) error {
	b := bytes.NewBufferString(xmlHeader)
	start := xml.StartElement{Name: xml.Name{Space: namespace, Local: root}}
	if err := xml.NewEncoder(b).EncodeElement(content, start); err != nil {
		return fmt.Errorf("s3: writing %s: %w", root, err)
	}
	c.send("application/xml", b.Bytes())
	return nil
}

// writeRaw answers with a document whose content is XML already.
func (c *call) writeRaw(root, content string) {
	open := xmlHeader + "<" + root + ` xmlns="` + namespace + `"`
	if content == "" {
		c.send("application/xml", []byte(open+"/>"))
		return
	}
	c.send("application/xml", []byte(open+">"+content+"</"+root+">"))
}

func (c *call) send(contentType string, body []byte) {
	c.sendStatus(http.StatusOK, contentType, body)
}

func (c *call) sendStatus(status int, contentType string, body []byte) {
	h := c.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(status)
	c.w.Write(body) // a client that went away is told by nobody
}

// noContent answers with 204.
func (c *call) noContent() error {
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// ok answers with 200 and no body.
func (c *call) ok() error {
	c.w.Header().Set("Content-Length", "0")
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// stamp is a time as S3's documents have it.
type stamp time.Time

// MarshalText writes milliseconds, in UTC.
func (s stamp) MarshalText() ([]byte, error) {
	return []byte(time.Time(s).UTC().Format("2006-01-02T15:04:05.000Z")), nil
}

// owner is an account in S3's documents.
type owner struct {
	ID string
}

func ownerOf(account string) *owner { return &owner{canonicalID(account)} }

// quoted is an ETag as it is printed.
func quoted(etag string) string { return `"` + etag + `"` }

// encoder escapes the keys of a listing when encoding-type=url asks for it.
func (c *call) encoder() (encode func(string) string, encodingType string, err error) {
	if !c.query.Has("encoding-type") {
		return func(s string) string { return s }, "", nil
	}
	if asked := c.query.Get("encoding-type"); asked != "url" {
		return nil, "", invalidArgument("Invalid Encoding Method specified in Request", "encoding-type", asked)
	}
	return urlEncode, "url", nil
}

// urlEncode escapes as S3 does in listings: slashes and asterisks stay.
func urlEncode(s string) string {
	return strings.NewReplacer("%2F", "/", "%2A", "*").Replace(url.QueryEscape(s))
}
