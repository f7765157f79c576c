package s3

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/statefile"
)

type corsConfiguration struct {
	XMLName xml.Name             `xml:"CORSConfiguration"`
	Rules   []statefile.CORSRule `xml:"CORSRule"`
}

func (s *Service) getCORS(c *call) error {
	if len(c.bucket.CORS) == 0 {
		return fail(http.StatusNotFound, "NoSuchCORSConfiguration", "The CORS configuration does not exist", "BucketName", c.name)
	}
	return c.writeXML("CORSConfiguration", corsConfiguration{Rules: c.bucket.CORS})
}

func (s *Service) putCORS(c *call) error {
	var in corsConfiguration
	if err := c.readXML(&in); err != nil {
		return err
	}
	if err := checkCORS(in.Rules); err != nil {
		return err
	}
	if err := s.changeBucket(c, func(b *Bucket) { b.CORS = in.Rules }); err != nil {
		return err
	}
	return c.ok()
}

func checkCORS(rules []statefile.CORSRule) error {
	if len(rules) == 0 || len(rules) > 100 {
		return malformedXML()
	}
	for i := range rules {
		if err := refused(rules[i].Mistake()); err != nil {
			return err
		}
	}
	return nil
}

// refused words a mistake as S3 does; nil is none.
func refused(m *statefile.Mistake) error {
	switch {
	case m == nil:
		return nil
	case m.Message == "":
		return malformedXML().Because("%s", m.What)
	case m.Argument != "":
		return invalidArgumentOnly(m.Message, m.Argument)
	}
	return invalidRequest(m.Message)
}

func (s *Service) deleteCORS(c *call) error {
	if err := s.changeBucket(c, func(b *Bucket) { b.CORS = nil }); err != nil {
		return err
	}
	return c.noContent()
}

// matches compares with a pattern that has one asterisk at most.
func matches(pattern, text string) bool {
	before, after, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == text
	}
	return len(text) >= len(before)+len(after) && strings.HasPrefix(text, before) && strings.HasSuffix(text, after)
}

// corsRule finds the first rule for a page, a method and the headers that it
// wants to send; origin is the pattern that let the page in.
func (b *Bucket) corsRule(page, method string, headers []string) (rule *statefile.CORSRule, origin string) {
	for i := range b.CORS {
		r := &b.CORS[i]
		at := slices.IndexFunc(r.AllowedOrigins, func(o string) bool { return matches(o, page) })
		if at < 0 || !slices.Contains(r.AllowedMethods, method) {
			continue
		}
		allowed := func(header string) bool {
			return slices.ContainsFunc(r.AllowedHeaders, func(p string) bool { return matches(strings.ToLower(p), strings.ToLower(header)) })
		}
		if !slices.ContainsFunc(headers, func(h string) bool { return !allowed(h) }) {
			return r, r.AllowedOrigins[at]
		}
	}
	return nil, ""
}

// setCORS puts what a rule says into an answer: recorded (test_cors_match_*).
func setCORS(h http.Header, r *statefile.CORSRule, pattern, page string) {
	h.Set("Access-Control-Allow-Origin", "*")
	if pattern != "*" {
		h.Set("Access-Control-Allow-Origin", page)
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	h.Set("Access-Control-Allow-Methods", strings.Join(r.AllowedMethods, ", "))
	if len(r.ExposeHeaders) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(r.ExposeHeaders, ", "))
	}
	if r.MaxAgeSeconds != nil {
		h.Set("Access-Control-Max-Age", strconv.Itoa(*r.MaxAgeSeconds))
	}
	h.Set("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method")
}

// allowPage says in the answer of a call that a page asks for that it may read it.
func (c *call) allowPage(b *Bucket) {
	page := c.HTTP.Header.Get("Origin")
	if page == "" {
		return
	}
	if rule, pattern := b.corsRule(page, c.HTTP.Method, nil); rule != nil {
		setCORS(c.w.Header(), rule, pattern, page)
	}
}

// preflight answers what a browser asks before it sends what a page wants.
// The texts were recorded (test_cors_http_options_*, test_cors_match_*).
func (s *Service) preflight(c *call) error {
	c.Action, c.Decision.Action = "Preflight", "Preflight"
	c.name, c.key = split(s.HostBucket(c.HTTP, c.State), strings.TrimPrefix(c.HTTP.URL.Path, "/"))
	h := c.HTTP.Header
	page, method := h.Get("Origin"), h.Get("Access-Control-Request-Method")
	kind := "BUCKET"
	refuse := func(text string) error {
		asked := method
		if asked == "" {
			asked = http.MethodOptions
		}
		return fail(http.StatusForbidden, "AccessForbidden", "CORSResponse: "+text, "Method", asked, "ResourceType", kind)
	}
	b, ok := state.Get[*Bucket](c.State, c.name)
	switch {
	case page == "":
		return fail(http.StatusBadRequest, "BadRequest", "Insufficient information. Origin request header needed.")
	case !ok:
		return refuse("Bucket not found")
	case len(b.CORS) == 0:
		return refuse("CORS is not enabled for this bucket.")
	case method == "":
		return fail(http.StatusBadRequest, "BadRequest", "Invalid Access-Control-Request-Method: null")
	}
	if c.key != "" {
		kind = "OBJECT"
	}
	var headers []string
	for name := range strings.SplitSeq(strings.Join(h.Values("Access-Control-Request-Headers"), ","), ",") {
		if name = strings.TrimSpace(name); name != "" {
			headers = append(headers, name)
		}
	}
	rule, pattern := b.corsRule(page, method, headers)
	if rule == nil {
		return refuse("This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or " +
			"Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.")
	}
	setCORS(c.w.Header(), rule, pattern, page)
	if len(headers) > 0 {
		c.w.Header().Set("Access-Control-Allow-Headers", strings.Join(headers, ", "))
	}
	return c.ok()
}

// ServesPage says whether a page of another site may make a call: a preflight,
// or what the bucket's CORS configuration lets it.
func (s *Service) ServesPage(req *api.Request) bool {
	if req.HTTP.Method == http.MethodOptions {
		return true
	}
	name, _ := split(s.HostBucket(req.HTTP, req.State), strings.TrimPrefix(req.HTTP.URL.Path, "/"))
	b, ok := state.Get[*Bucket](req.State, name)
	if !ok {
		return false
	}
	rule, _ := b.corsRule(req.HTTP.Header.Get("Origin"), req.HTTP.Method, nil)
	return rule != nil
}
