package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// control asks the emulator's control API; into may be nil.
func control(ctx context.Context, method, path string, body, into any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, os.Getenv("AWS_ENDPOINT_URL")+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s", method, path, answer.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

type object = map[string]any

func inject(ctx context.Context, fault object, times int) error {
	if err := control(ctx, http.MethodDelete, "/_emu/faults", nil, nil); err != nil {
		return err
	}
	return control(ctx, http.MethodPost, "/_emu/faults", object{"match": object{"service": "sts", "action": "AssumeRoleWithWebIdentity"}, "fault": fault, "times": times}, nil)
}

// retries makes the first calls of AssumeRoleWithWebIdentity fail; those after them do not.
func retries(fault object, times int) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := inject(ctx, fault, times); err != nil {
			return err
		}
		if err := identity(ctx); err != nil {
			return err
		}
		var left struct{ Faults []struct{ Used, Times int } }
		if err := control(ctx, http.MethodGet, "/_emu/faults", nil, &left); err != nil {
			return err
		}
		for _, f := range left.Faults {
			if f.Used < f.Times {
				return fmt.Errorf("the fault was met %d times of %d", f.Used, f.Times)
			}
		}
		return nil
	}
}

func deniedAtOnce(ctx context.Context) error {
	if err := inject(ctx, object{"code": "AccessDenied", "status": 403, "message": "Not authorized to perform sts:AssumeRoleWithWebIdentity"}, 1); err != nil {
		return err
	}
	var api smithy.APIError
	if err := identity(ctx); !errors.As(err, &api) || api.ErrorCode() != "AccessDenied" {
		return fmt.Errorf("wanted AccessDenied, got %v", err)
	}
	return nil
}

// refreshes has the emulator's clock 14 minutes and 57 seconds behind, so that
// credentials of 15 minutes, AWS's least, end in 3 seconds.
func refreshes(ctx context.Context) (err error) {
	if err := control(ctx, http.MethodDelete, "/_emu/faults", nil, nil); err != nil {
		return err
	}
	if err := control(ctx, http.MethodPost, "/_emu/clock", object{"advance": "-14m57s"}, nil); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, control(ctx, http.MethodPost, "/_emu/clock", object{"reset": true}, nil))
	}()
	var minted struct{ Token string }
	if err := control(ctx, http.MethodPost, "/_emu/tokens", object{"serviceAccount": "your-namespace/your-service-account"}, &minted); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "gosdk")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "token")
	if err := os.WriteFile(file, []byte(minted.Token+"\n"), 0o600); err != nil {
		return err
	}
	kept := os.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE")
	defer os.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", kept)
	os.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", file)
	cfg, err := config.LoadDefaultConfig(ctx, config.WithWebIdentityRoleCredentialOptions(func(o *stscreds.WebIdentityRoleOptions) { o.Duration = 15 * time.Minute }))
	if err != nil {
		return err
	}
	first, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	if left := time.Until(first.Expires); left > 4*time.Second {
		return fmt.Errorf("the credentials end in %s", left)
	}
	time.Sleep(time.Until(first.Expires) + 100*time.Millisecond)
	if err := control(ctx, http.MethodPost, "/_emu/clock", object{"reset": true}, nil); err != nil {
		return err
	}
	if _, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil); err != nil {
		return err
	}
	second, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	if first.AccessKeyID == second.AccessKeyID {
		return errors.New("the credentials were not refreshed")
	}
	return nil
}

// expired is what a client sees that holds on to credentials after their end.
func expired(ctx context.Context) (err error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return err
	}
	if err := control(ctx, http.MethodPost, "/_emu/clock", object{"advance": "61m"}, nil); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, control(ctx, http.MethodPost, "/_emu/clock", object{"reset": true}, nil))
	}()
	var api smithy.APIError
	_, err = sts.NewFromConfig(cfg, func(o *sts.Options) { o.Retryer = aws.NopRetryer{} }).GetCallerIdentity(ctx, nil)
	if !errors.As(err, &api) || api.ErrorCode() != "ExpiredToken" {
		return fmt.Errorf("wanted ExpiredToken, got %v", err)
	}
	return nil
}
