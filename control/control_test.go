package control_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/irsa-emu/irsa-emu/control"
)

func TestReadQuery(t *testing.T) {
	for _, c := range []struct {
		endpoint control.Endpoint
		raw      string
		want     string // the error
	}{
		{control.GetDecisions, "", ""},
		{control.GetDecisions, "limit=3&outcome=refused", ""},
		{control.GetDecisions, "limt=3", `unknown query parameter "limt"; GET /_emu/decisions takes limit and outcome`},
		{control.GetDecisions, "Limit=3", `unknown query parameter "Limit"; GET /_emu/decisions takes limit and outcome`},
		{control.GetDecisions, "limit=3&limit=4", "the query parameter limit is written 2 times; write it once"},
		{control.GetDecisions, "limit=0", `limit: "0" is not a number above 0`},
		{control.GetDecisions, "limit=", "the query parameter limit is empty; write a value, or leave it out"},
		{control.DeleteState, "acount=111122223333", `unknown query parameter "acount"; DELETE /_emu/state takes account only`},
		// An empty shell variable must not reset everything.
		{control.DeleteState, "account=", "the query parameter account is empty; write a value, or leave it out"},
		{control.DeleteIssuer, "", "the query parameter url is missing; write /_emu/issuers?url=…"},
		{control.GetInfo, "verbose=1", `unknown query parameter "verbose"; GET /_emu/info takes account only`},
		{control.GetInfo, "%zz", `query string: invalid URL escape "%zz"`},
		{control.GetInfo, "a=1;b=2", "query string: invalid semicolon separator in query"},
	} {
		into := any(nil)
		if c.endpoint.Query != nil {
			into = reflect.New(reflect.TypeOf(c.endpoint.Query)).Interface()
		}
		if err := control.ReadQuery(c.endpoint, c.raw, into); text(err) != c.want {
			t.Errorf("%s?%s:\n got %v\nwant %s", c.endpoint, c.raw, err, c.want)
		}
	}
	var query control.DecisionQuery
	if err := control.ReadQuery(control.GetDecisions, "limit=3&outcome=refused", &query); err != nil || query.Limit != 3 || query.Outcome != "refused" {
		t.Errorf("%+v %v", query, err)
	}
}

func TestReadBody(t *testing.T) {
	for _, c := range []struct {
		endpoint control.Endpoint
		body     string
		want     string
	}{
		{control.PostToken, "", ""},
		{control.PostToken, `{"serviceAccount": "a/b", "claims": {"n": 12345678901234567890, "x": null}}`, ""},
		{control.PostToken, `{"serviceacount": "a/b"}`,
			`request body:1:2: unknown field "serviceacount"; write serviceAccount; the known ones are: issuer, serviceAccount, subject, audience, expiresInSeconds, claims, pod, profile`},
		{control.PostToken, `{"serviceAccount": "a/b", "serviceAccount": "c/d"}`, `request body:1:27: duplicate key "serviceAccount", first written on line 1; keep one of them`},
		{control.PostToken, `{"audience": "a"}`, `request body:1:14: audience: the text "a" where a list is wanted`},
		{control.PostToken, `serviceAccount: a/b`, "request body:1:1: not JSON: invalid character 's' looking for beginning of value"},
		{control.PostToken, `{} {}`, "request body:1:4: not JSON: invalid character '{' after top-level value"},
		{control.PostToken, `[]`, "request body:1:1: a list where a mapping is wanted"},
		{control.PutIssuer, `{"url": "https://issuer.example"}`, "request body:1:1: the field jwks is missing; write it"},
		{control.PostClock, `{"advance": "2 hours"}`, `request body:1:13: advance: "2 hours" is not a duration; write a number and a unit, such as 90s or 2h`},
		{control.PostClock, `{"advanse": 2, "sett": 3}`,
			"request body:1:2: unknown field \"advanse\"; write advance; the known ones are: advance, set, reset\n" +
				"request body:1:16: unknown field \"sett\"; write set; the known ones are: advance, set, reset"},
		{control.PostFault, `{"fault": {"cod": "Throttling"}}`, `request body:1:12: fault: unknown field "cod"; write code; the known ones are: code, status, message, latency, dropConnection, sessionDuration`},
		{control.DeleteState, `{"account": "111122223333"}`, "DELETE /_emu/state takes no request body"},
		{control.DeleteState, " {} ", ""},
	} {
		into := any(nil)
		if c.endpoint.Body != nil {
			into = reflect.New(reflect.TypeOf(c.endpoint.Body)).Interface()
		}
		if err := control.ReadBody(c.endpoint, []byte(c.body), into); text(err) != c.want {
			t.Errorf("%s %s:\n got %v\nwant %s", c.endpoint, c.body, err, c.want)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// What the client sends, the server's reader takes: every body and query.
func TestClientAndServerAgree(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, e := range control.Endpoints() {
			if e.Method != r.Method || e.Path != r.URL.Path {
				continue
			}
			asked = append(asked, e.String())
			if e.Query != nil {
				if err := control.ReadQuery(e, r.URL.RawQuery, reflect.New(reflect.TypeOf(e.Query)).Interface()); err != nil {
					t.Errorf("%s: %v", e, err)
				}
			}
			if e.Body != nil {
				body := make([]byte, r.ContentLength)
				_, _ = r.Body.Read(body) // a short read fails to parse
				if err := control.ReadBody(e, body, reflect.New(reflect.TypeOf(e.Body)).Interface()); err != nil {
					t.Errorf("%s %s: %v", e, body, err)
				}
			}
		}
		if r.Header.Get("Authorization") != "Bearer s3cr3t" {
			t.Errorf("%s without the token", r.URL)
		}
		_, _ = w.Write([]byte("{}"))
	}))
	defer server.Close()
	ctx := t.Context()
	c := &control.Client{URL: server.URL + "/", Token: "s3cr3t", HTTP: server.Client()}
	hour := control.Duration(time.Hour)
	_, err1 := c.SignToken(ctx, control.TokenRequest{ServiceAccount: "a/b", Claims: map[string]any{"n": 1}})
	_, err2 := c.MoveClock(ctx, control.ClockChange{Advance: &hour})
	_, err3 := c.AddFault(ctx, control.FaultRequest{Fault: control.FaultSpec{Latency: hour}})
	_, err4 := c.Rotate(ctx, control.Rotation{Issuer: "https://issuer.example"})
	_, err5 := c.Decisions(ctx, control.DecisionQuery{Limit: 3, Outcome: "refused"})
	if err := errors.Join(err1, err2, err3, err4, err5, c.PublishKeys(ctx, control.IssuerKeys{URL: "https://issuer.example", JWKS: json.RawMessage(`{"keys":[]}`)}),
		c.Reset(ctx, control.StateReset{Account: "111122223333"}), c.ForgetIssuer(ctx, "https://issuer.example?a=b&c"), c.ClearFaults(ctx)); err != nil {
		t.Error(err)
	}
	if len(asked) != 9 {
		t.Errorf("the server was asked %q", asked)
	}
}

func TestClientErrors(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/info") {
			http.Error(w, `{"error": "the bearer token is not the control token"}`, http.StatusForbidden)
			return
		}
		http.Error(w, "<html>", http.StatusBadGateway)
	}))
	defer server.Close()
	c := &control.Client{URL: server.URL, HTTP: server.Client()}
	_, err := c.Info(t.Context())
	var refused *control.Refused
	if !errors.As(err, &refused) || refused.Status != http.StatusForbidden || refused.Message != "the bearer token is not the control token" {
		t.Errorf("%v", err)
	}
	if _, err := c.Clock(t.Context()); err == nil || err.Error() != "GET "+server.URL+"/_emu/clock answered 502 Bad Gateway; is it irsa-emu?" {
		t.Errorf("%v", err)
	}
	c.URL = "127.0.0.1:4772"
	var url *control.URLError
	if _, err := c.Clock(t.Context()); !errors.As(err, &url) {
		t.Errorf("%v", err)
	}
	c.URL = "http://127.0.0.1:1"
	if _, err := c.Clock(t.Context()); !errors.Is(err, control.ErrUnreachable) || !strings.Contains(err.Error(), "irsa-emu serve") {
		t.Errorf("%v", err)
	}
}

func FuzzBody(f *testing.F) {
	f.Add(0, "", `{"serviceAccount": "a/b"}`)
	f.Add(11, "limit=3&outcome=refused", "")
	f.Add(14, "", `{"match": {"service": "sts"}, "fault": {"code": "Throttling", "latency": "2s"}, "times": 3}`)
	f.Fuzz(func(t *testing.T, which int, query, body string) {
		all := control.Endpoints()
		e := all[uint(which)%uint(len(all))]
		if e.Query != nil {
			into := reflect.New(reflect.TypeOf(e.Query))
			if control.ReadQuery(e, query, into.Interface()) != nil && !into.Elem().IsZero() && query == "" {
				t.Errorf("%s: something was read from nothing", e)
			}
		}
		if e.Body == nil || e.Path == "/_emu/state" {
			return
		}
		into := reflect.New(reflect.TypeOf(e.Body)).Interface()
		if control.ReadBody(e, []byte(body), into) != nil {
			return
		}
		// What was taken is written as JSON that is taken again.
		text, err := json.Marshal(into)
		if err != nil {
			t.Fatalf("%s %s: %v", e, body, err)
		}
		if err := control.ReadBody(e, text, into); err != nil {
			t.Errorf("%s %s: %v", e, text, err)
		}
	})
}
