package cloudtrail

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/google/uuid"

	"github.com/irsa-emu/irsa-emu/api"
)

// Config says where records go.
type Config struct {
	// Writer takes the records, each in one call of Write, so that lines of
	// several processes that append to one file do not mix.
	Writer io.Writer
	// Account is the one that calls of nobody known are recorded for.
	Account string
	// Data says that data events are recorded too.
	Data bool
	// NewID makes event ids. Default: random UUIDs.
	NewID func() string
}

// Trail writes records. It is safe for concurrent use.
type Trail struct {
	account string
	data    bool
	newID   func() string

	mu     sync.Mutex
	writer io.Writer
}

// New makes a trail.
func New(c Config) *Trail {
	if c.NewID == nil {
		c.NewID = uuid.NewString
	}
	return &Trail{account: c.Account, data: c.Data, newID: c.NewID, writer: c.Writer}
}

// Record writes what there is to record of a call that service answered, whose
// decision is complete, and tells how many records that were.
func (t *Trail) Record(req *api.Request, service *api.Description) (written int, err error) {
	if !recorded(req, service) {
		return 0, nil
	}
	c := &call{req, service.Records}
	if isData(c) && !t.data {
		return 0, nil
	}
	for _, e := range t.eventsOf(c) {
		var line bytes.Buffer
		encoder := json.NewEncoder(&line)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(e); err != nil {
			return written, fmt.Errorf("the CloudTrail record of request %s: %w", req.ID, err)
		}
		if err := t.write(line.Bytes()); err != nil {
			return written, fmt.Errorf("writing the CloudTrail record of request %s: %w", req.ID, err)
		}
		written++
	}
	return written, nil
}

func (t *Trail) write(line []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, err := t.writer.Write(line)
	return err
}
