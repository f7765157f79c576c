package eks

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/irsa-emu/irsa-emu/api"
)

// parameterNames are the API's names of what paths hold.
var parameterNames = map[string]string{
	"id": "associationId", "addon": "addonName", "principal": "principalArn", "policy": "policyArn",
	"nodegroup": "nodegroupName", "profile": "fargateProfileName", "update": "updateId", "arn": "resourceArn",
}

// parameters are a call's by the API's names, wherever the request has them: in
// the path, the query or the body.
func (r *route) parameters(req *api.Request, path map[string]string) map[string]any {
	all := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(req.Body))
	decoder.UseNumber()
	if err := decoder.Decode(&all); err != nil || all == nil { // the operation says what is wrong with it; null is none
		all = map[string]any{}
	}
	for name, values := range req.HTTP.URL.Query() {
		if len(values) == 1 {
			all[name] = values[0]
		} else {
			all[name] = values
		}
	}
	for part, value := range path {
		name := parameterNames[part]
		switch {
		case name != "":
		case strings.HasSuffix(r.pattern, "/{name}") || strings.Contains(r.pattern, "/update"):
			name = "name"
		default:
			name = "clusterName"
		}
		all[name] = value
	}
	return all
}
