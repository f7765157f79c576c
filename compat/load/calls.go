//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const form = "application/x-www-form-urlencoded; charset=utf-8"

// assume is AssumeRoleWithWebIdentity with a token that the role trusts.
func (w world) assume(tokens []string, i int) call {
	t := i % len(tokens)
	role := w.role(t, i)
	return assumeRole(tokens[t], role, fmt.Sprintf("app-%d", i), http.StatusOK,
		fmt.Sprintf("<Arn>arn:aws:sts::%s:assumed-role/role-%d/app-%d</Arn>", account, role, i))
}

func assumeRole(token string, role int, session string, status int, want string) call {
	body := "Action=AssumeRoleWithWebIdentity&DurationSeconds=3600&RoleArn=" + url.QueryEscape(fmt.Sprintf("arn:aws:iam::%s:role/role-%d", account, role)) +
		"&RoleSessionName=" + session + "&Version=2011-06-15&WebIdentityToken=" + token
	return call{
		request: fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: sts.%s.amazonaws.com\r\nUser-Agent: load\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
			region, form, len(body), body),
		status: status, want: want,
	}
}

// refusals are calls that must be refused, each for another reason.
func (w world) refusals(tokens []string) ([]call, error) {
	elsewhere, err := w.tokens(1, "elsewhere.example.com", time.Hour)
	if err != nil {
		return nil, err
	}
	expired, err := w.tokens(1, audience, -time.Hour)
	if err != nil {
		return nil, err
	}
	t := tokens[0]
	dot := strings.LastIndexByte(t, '.')
	altered := t[:dot+1] + strings.Map(func(c rune) rune { // another signature of the same length
		if c == 'A' {
			return 'B'
		}
		return c
	}, t[dot+1:dot+2]+"A"+t[dot+3:])
	const denied, invalid, late = "<Code>AccessDenied</Code>", "<Code>InvalidIdentityToken</Code>", "<Code>ExpiredTokenException</Code>"
	return []call{
		assumeRole(t, 1, "app", http.StatusForbidden, denied), // another team's role
		assumeRole(t, w.roles, "app", http.StatusForbidden, denied),
		assumeRole(elsewhere[0], 0, "app", http.StatusBadRequest, invalid), // an audience that the provider does not list
		assumeRole(expired[0], 0, "app", http.StatusBadRequest, late),
		assumeRole(altered, 0, "app", http.StatusBadRequest, invalid),
	}, nil
}

// sessions gets credentials and prepares calls that they may make:
// GetCallerIdentity and GetSecretValue, signed for the next minutes.
func (w world) sessions(s *server, tokens []string, count int) (identity, secrets []call, err error) {
	c := &client{address: s.address}
	defer c.close()
	for i := range count {
		if err := c.do(w.assume(tokens, i)); err != nil {
			return nil, nil, err
		}
		var answer struct {
			Arn         string                                                      `xml:"AssumeRoleWithWebIdentityResult>AssumedRoleUser>Arn"`
			Credentials struct{ AccessKeyId, SecretAccessKey, SessionToken string } `xml:"AssumeRoleWithWebIdentityResult>Credentials"`
		}
		if err := xml.Unmarshal(c.body.Bytes(), &answer); err != nil {
			return nil, nil, err
		}
		k := answer.Credentials
		credentials := aws.Credentials{AccessKeyID: k.AccessKeyId, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken}
		who, err := signed(credentials, "sts", http.Header{"Content-Type": {form}}, "Action=GetCallerIdentity&Version=2011-06-15")
		if err != nil {
			return nil, nil, err
		}
		what, err := signed(credentials, "secretsmanager", http.Header{
			"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"secretsmanager.GetSecretValue"},
		}, `{"SecretId":"`+secret+`"}`)
		if err != nil {
			return nil, nil, err
		}
		identity = append(identity, call{who, http.StatusOK, "<Arn>" + answer.Arn + "</Arn>"})
		secrets = append(secrets, call{what, http.StatusOK, `s3cr3t`})
	}
	return identity, secrets, nil
}

func signed(credentials aws.Credentials, service string, header http.Header, body string) ([]byte, error) {
	req, err := http.NewRequest(http.MethodPost, "http://"+service+"."+region+".amazonaws.com/", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = header
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(context.Background(), credentials, req, hex.EncodeToString(sum[:]), service, region, time.Now()); err != nil {
		return nil, err
	}
	var encoded bytes.Buffer
	err = req.Write(&encoded)
	return encoded.Bytes(), err
}
