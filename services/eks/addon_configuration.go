package eks

import (
	"net/http"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
)

// addonSchemas are the schemas of configurationValues of the add-ons of which the
// members were recorded (recorded 17). Only the members are: no value is held
// against a schema here, as add-ons have no effect.
var addonSchemas = map[string]string{
	aws.PodIdentityAddon: `{"$schema":"http://json-schema.org/draft-06/schema#","type":"object","additionalProperties":false,"properties":{` +
		`"affinity":{"type":"object"},` +
		`"agent":{"type":"object","additionalProperties":false,"properties":{"additionalArgs":{"type":"object"}}},` +
		`"daemonsets":{"type":"object","additionalProperties":false,"properties":{` +
		`"hybrid":{"type":"object","properties":{"create":{"type":"boolean"}}},"hybrid-bottlerocket":{"type":"object","properties":{"create":{"type":"boolean"}}}}},` +
		`"fullnameOverride":{"type":"string"},` +
		`"image":{"type":"object","properties":{"pullPolicy":{"type":"string"}}},` +
		`"imagePullSecrets":{"type":"array"},` +
		`"init":{"type":"object","properties":{"additionalArgs":{"type":"object"},"create":{"type":"boolean"}}},` +
		`"nameOverride":{"type":"string"},"nodeSelector":{"type":"object"},"podAnnotations":{"type":"object"},"podLabels":{"type":"object"},` +
		`"priorityClassName":{"type":"string"},"resources":{"type":"object"},"tolerations":{"type":"array"},"updateStrategy":{"type":"object"}}}`,
}

func (s *Service) describeAddonConfiguration(c *call) (any, error) {
	query := c.HTTP.URL.Query()
	name, version := query.Get("addonName"), query.Get("addonVersion")
	if name == "" || version == "" {
		return nil, invalidParameter("addonName and addonVersion are required.")
	}
	if err := authorize(c.Request, "eks:DescribeAddonConfiguration", "*", c.Principal.Account, policy.Context{}); err != nil {
		return nil, err
	}
	schema, known := addonSchemas[name]
	switch {
	case !known:
		return nil, api.Unsupported("eks", "DescribeAddonConfiguration of "+name)
	case version != defaultAddonVersion(name):
		return nil, api.Fail(http.StatusBadRequest, "InvalidParameterException", "Addon version specified is not supported").
			Because("of %s, the version %s is known", name, defaultAddonVersion(name))
	}
	return object{"addonName": name, "addonVersion": version, "configurationSchema": schema, "podIdentityConfiguration": []object{}}, nil
}
