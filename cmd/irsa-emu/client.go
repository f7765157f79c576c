package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// client speaks with the control API of a running emulator.
type client struct {
	url          string
	controlToken string
}

// clientFlags adds the flags with which commands find the emulator.
func (c *client) clientFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.url, "url", "http://127.0.0.1:4772", "where the emulator is (IRSA_EMU_URL)")
	cmd.Flags().StringVar(&c.controlToken, "control-token", "", "the emulator's control token, when it listens beyond loopback")
}

// call sends body, if any, and reads the answer into into, if any: JSON, or text
// where into is a *string, which then is what an error says, too.
func (c *client) call(ctx context.Context, method, path string, body, into any) error {
	base, err := url.Parse(c.url)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return usageError("--url %s: write the emulator's URL, such as http://127.0.0.1:4772", c.url)
	}
	var reader io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		reader = bytes.NewReader(b)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.url, "/")+path, reader)
	if err != nil {
		return err
	}
	if c.controlToken != "" {
		req.Header.Set("Authorization", "Bearer "+c.controlToken)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) {
			return &exitError{exitFailed, fmt.Errorf("no emulator answers at %s; start one with: irsa-emu serve", c.url)}
		}
		return &exitError{exitFailed, err}
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return &exitError{exitFailed, err}
	}
	text, isText := into.(*string)
	if isText {
		*text = strings.TrimSpace(string(answer))
	}
	if resp.StatusCode >= 300 {
		var refused struct{ Error string }
		if isText && resp.StatusCode == http.StatusServiceUnavailable {
			return &exitError{exitFailed, errors.New(*text)}
		}
		if json.Unmarshal(answer, &refused) != nil || refused.Error == "" {
			refused.Error = fmt.Sprintf("%s %s answered %s; is it irsa-emu?", method, c.url+path, resp.Status)
		}
		return &exitError{exitFailed, errors.New(refused.Error)}
	}
	if into == nil || isText {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return &exitError{exitFailed, fmt.Errorf("the answer of %s is not what irsa-emu gives: %w", c.url+path, err)}
	}
	return nil
}
