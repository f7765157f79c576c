package wire

import (
	"net/http"
	"net/url"
)

func ReadQuery(r *http.Request, body []byte) (action, version string, form url.Values, err error) {
	form, err = url.ParseQuery(string(body))
	return form.Get("Action"), form.Get("Version"), form, err
}
