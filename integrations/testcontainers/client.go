// SPDX-License-Identifier: Apache-2.0

package irsaemu

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Token signs a token of a service account, NAMESPACE/NAME.
func (c *Container) Token(ctx context.Context, serviceAccount string) (string, error) {
	var answer struct{ Token string }
	err := c.call(ctx, http.MethodPost, "/_emu/tokens", map[string]string{"serviceAccount": serviceAccount}, &answer)
	return answer.Token, err
}

// PodConfig is what the AWS SDK finds in a pod of a service account,
// NAMESPACE/NAME, whose annotation names a role: credentials that are assumed
// when they are first needed, and again when they expire.
func (c *Container) PodConfig(ctx context.Context, serviceAccount, roleARN string) (aws.Config, error) {
	if err := checkPod(serviceAccount, roleARN); err != nil {
		return aws.Config{}, err
	}
	config, err := c.config(ctx, aws.AnonymousCredentials{})
	if err != nil {
		return aws.Config{}, err
	}
	token := podToken{ctx, c, serviceAccount}
	provider := stscreds.NewWebIdentityRoleProvider(sts.NewFromConfig(config), roleARN, token)
	config.Credentials = aws.NewCredentialsCache(provider)
	return config, nil
}

// AdminConfig is what the administrator of an account has, twelve digits, or
// "test" for the default account.
func (c *Container) AdminConfig(ctx context.Context, account string) (aws.Config, error) {
	return c.config(ctx, credentials.NewStaticCredentialsProvider(account, "test", ""))
}

// Load merges State documents that name no other files into the state.
func (c *Container) Load(ctx context.Context, paths ...string) error {
	for _, p := range paths {
		document, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if err := c.call(ctx, http.MethodPost, "/_emu/state", document, nil); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	return nil
}

// Reset goes back to the state of the start, with no faults, no decisions and
// the real time.
func (c *Container) Reset(ctx context.Context) error {
	return c.call(ctx, http.MethodDelete, "/_emu/state", nil, nil)
}

// Explain is why the call was refused whose error an SDK client returned, in
// words.
func (c *Container) Explain(ctx context.Context, refused error) (string, error) {
	var response *awshttp.ResponseError
	if !errors.As(refused, &response) {
		return "", fmt.Errorf("not an answer of irsa-emu: %w", refused)
	}
	var text bytes.Buffer
	err := c.call(ctx, http.MethodGet, "/_emu/decisions/"+url.PathEscape(response.ServiceRequestID()), nil, &text)
	return text.String(), err
}

type info struct{ Account, Region string }

func (c *Container) info(ctx context.Context) (info, error) {
	var answer info
	err := c.call(ctx, http.MethodGet, "/_emu/info", nil, &answer)
	return answer, err
}

func (c *Container) config(ctx context.Context, who aws.CredentialsProvider) (aws.Config, error) {
	at, err := c.URL(ctx)
	if err != nil {
		return aws.Config{}, err
	}
	i, err := c.info(ctx)
	if err != nil {
		return aws.Config{}, err
	}
	return aws.Config{Region: i.Region, BaseEndpoint: aws.String(at), Credentials: who}, nil
}

// call asks the control API. A body is JSON, or bytes as they are; an answer is
// decoded, or written as text into a buffer.
func (c *Container) call(ctx context.Context, method, path string, body, answer any) error {
	at, err := c.URL(ctx)
	if err != nil {
		return err
	}
	raw, is := body.([]byte)
	if !is && body != nil {
		if raw, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, at+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.ControlToken)
	text, wantsText := answer.(*bytes.Buffer)
	if wantsText {
		req.Header.Set("Accept", "text/plain")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	switch {
	case res.StatusCode >= http.StatusBadRequest:
		var failed struct{ Error string }
		if json.Unmarshal(got, &failed) != nil || failed.Error == "" {
			failed.Error = string(got)
		}
		return fmt.Errorf("irsa-emu answers %d: %s", res.StatusCode, failed.Error)
	case wantsText:
		text.Write(got)
	case answer != nil:
		return json.Unmarshal(got, answer)
	}
	return nil
}

func checkPod(serviceAccount, roleARN string) error {
	namespace, name, ok := strings.Cut(serviceAccount, "/")
	if !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
		return fmt.Errorf("service account %q: write NAMESPACE/NAME", serviceAccount)
	}
	if !strings.HasPrefix(roleARN, "arn:") || !strings.Contains(roleARN, ":role/") {
		return fmt.Errorf("role %q: write its ARN, such as arn:aws:iam::111122223333:role/app", roleARN)
	}
	return nil
}

// podToken gives tokens as the kubelet keeps them fresh in a pod's token file.
type podToken struct {
	ctx            context.Context
	container      *Container
	serviceAccount string
}

// GetIdentityToken signs a token.
func (p podToken) GetIdentityToken() ([]byte, error) {
	token, err := p.container.Token(p.ctx, p.serviceAccount)
	return []byte(token), err
}
