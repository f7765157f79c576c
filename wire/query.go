package wire

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// maxParameters bounds a Query call. The largest call of the served APIs has
// some hundred parameters.
const maxParameters = 4096

// noVersion stands in the refusal of a call without Version.
// STS, as asserted against AWS by justincormack/argmin's sts_oracle (2026): "Could not find operation GetCallerIdentity for
// version NO_VERSION_SPECIFIED"; a Version that is there but empty prints as such.
const noVersion = "NO_VERSION_SPECIFIED"

// ReadQuery reads a call of the Query protocol out of the request's query and,
// for other methods than GET and HEAD, out of body. Of a parameter given twice
// the first counts, as on AWS. A body that does not call itself a form is not
// read, as on AWS. An action that is absent is "": see missingAction; an absent
// version is the placeholder that AWS prints. Action is a copy: who keeps it, as
// metrics do, does not keep the form with the token in it.
func ReadQuery(r *http.Request, body []byte) (action, version string, form url.Values, err error) {
	form = url.Values{}
	if err := readForm(form, r.URL.RawQuery); err != nil {
		return "", "", nil, err
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead && isForm(r) {
		if err := readForm(form, string(body)); err != nil {
			return "", "", nil, err
		}
	}
	version = noVersion
	if form.Has("Version") {
		version = form.Get("Version")
	}
	return strings.Clone(form.Get("Action")), version, form, nil
}

func isForm(r *http.Request) bool {
	const media = "application/x-www-form-urlencoded"
	header := r.Header.Get("Content-Type")
	if header == media || header == media+"; charset=utf-8" {
		return true // as SDKs write it
	}
	got, _, err := mime.ParseMediaType(header)
	return err == nil && got == media
}

// readForm adds the parameters of one encoded form, in order.
func readForm(form url.Values, encoded string) error {
	if encoded == "" {
		return nil
	}
	count := strings.Count(encoded, "&") + 1
	if count > maxParameters {
		return malformedQuery(fmt.Sprintf("%d parameters or more", maxParameters))
	}
	values := make([]string, 0, count) // those of names that occur once, which all names should
	for pair := range strings.SplitSeq(encoded, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		name, err := unescape(key)
		if err != nil {
			return malformedQuery(err.Error())
		}
		text, err := unescape(value)
		if err != nil {
			return malformedQuery(err.Error())
		}
		if given, twice := form[name]; twice {
			form[name] = append(given, text)
			continue
		}
		values = append(values, text)
		form[name] = values[len(values)-1 : len(values) : len(values)]
	}
	return nil
}

// unescape decodes a name or value. A token is long and has nothing to decode.
func unescape(encoded string) (string, error) {
	if strings.IndexByte(encoded, '%') < 0 && strings.IndexByte(encoded, '+') < 0 {
		return encoded, nil
	}
	return url.QueryUnescape(encoded)
}

// malformedQuery is AWS's common error for a form that cannot be read. The
// documented status is 404.
func malformedQuery(reason string) *Error {
	err := Errorf(http.StatusNotFound, "MalformedQueryString", "The query string contains a syntax error.")
	err.namespace, err.Reason = FaultNamespace, reason
	return err
}
