package eks

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"strconv"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/policy"
	"github.com/irsa-emu/irsa-emu/services"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// object is a JSON object of an answer. The shape of a cluster is that of the
// API reference; members that a plain cluster does not have are left out.
type object = map[string]any

func (s *Service) describeCluster(c *call) (any, error) {
	cluster, err := open(c.Request, "eks:DescribeCluster", c.path["name"], nil)
	if err != nil {
		return nil, err
	}
	return object{"cluster": cluster.describe()}, nil
}

// open finds the cluster that a call is about and authorises the call for it,
// permission first.
func open(req *api.Request, action, name string, keys policy.Context) (*Cluster, error) {
	account := req.Principal.Account
	cluster, found := ClusterByName(req.State, account, req.Region, name)
	if keys == nil {
		keys = policy.Context{}
	}
	if found {
		services.ResourceTagKeys(keys, cluster.Tags)
	}
	if err := authorize(req, action, ClusterARN(account, req.Region, name), account, keys); err != nil {
		return nil, err
	}
	if !found {
		return nil, NoCluster(name)
	}
	return cluster, nil
}

func (c *Cluster) describe() object {
	o := object{
		"name": c.Name, "arn": c.ARN(), "createdAt": wire.At(c.Created), "version": c.Version, "endpoint": c.Endpoint, "roleArn": c.RoleARN,
		"resourcesVpcConfig": object{
			"subnetIds":        []string{"subnet-" + c.madeUp("subnet a", 17), "subnet-" + c.madeUp("subnet b", 17)},
			"securityGroupIds": []string{}, "clusterSecurityGroupId": "sg-" + c.madeUp("sg", 17), "vpcId": "vpc-" + c.madeUp("vpc", 17),
			"endpointPublicAccess": true, "endpointPrivateAccess": false, "publicAccessCidrs": []string{"0.0.0.0/0"},
		},
		"kubernetesNetworkConfig": object{"serviceIpv4Cidr": "10.100.0.0/16", "ipFamily": "ipv4", "elasticLoadBalancing": object{"enabled": false}},
		"logging": object{"clusterLogging": []object{
			{"types": []string{"api", "audit", "authenticator", "controllerManager", "scheduler"}, "enabled": false},
		}},
		"identity":             object{"oidc": object{"issuer": c.Issuer}},
		"status":               "ACTIVE",
		"certificateAuthority": object{"data": base64.StdEncoding.EncodeToString([]byte(c.CertificateAuthority))},
		"platformVersion":      "eks.1",
		"health":               object{"issues": []string{}},
		"accessConfig":         object{"authenticationMode": "API_AND_CONFIG_MAP"},
		"upgradePolicy":        object{"supportType": "EXTENDED"},
		"deletionProtection":   false,
		"tags":                 tagMap(c.Tags),
	}
	if c.ClientRequestToken != "" {
		o["clientRequestToken"] = c.ClientRequestToken
	}
	for name, given := range c.Config {
		var members object
		if base, ok := o[name].(object); ok && json.Unmarshal(given, &members) == nil {
			maps.Copy(base, members)
			continue
		}
		o[name] = given
	}
	return o
}

// tagMap is the tags as JSON; EKS sends an empty object for none.
func tagMap(tags []aws.Tag) map[string]string {
	if m := services.TagMap(tags); m != nil {
		return m
	}
	return map[string]string{}
}

func (s *Service) listClusters(c *call) (any, error) {
	account := c.Principal.Account
	// Seen on AWS: the refusal names …:cluster/* as the resource.
	if err := authorize(c.Request, "eks:ListClusters", ClusterARN(account, c.Region, "*"), account, nil); err != nil {
		return nil, err
	}
	names := []string{}
	for cluster := range state.All[*Cluster](c.State, clusterKey(account, c.Region, "")) {
		names = append(names, cluster.Name)
	}
	return paginate(c, "clusters", names)
}

// paginate answers with the page of a list that maxResults and nextToken of the
// query ask for, under its name. A token says how many entries were given before.
func paginate[T any](c *call, name string, list []T) (object, error) {
	query := c.HTTP.URL.Query()
	limit, from := 100, 0
	if text := query.Get("maxResults"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > 100 {
			return nil, invalidParameter("maxResults must be between 1 and 100.")
		}
	}
	if text := query.Get("nextToken"); text != "" {
		decoded, err := base64.RawURLEncoding.DecodeString(text)
		if err == nil {
			from, err = strconv.Atoi(string(decoded))
		}
		if err != nil || from < 0 {
			return nil, invalidParameter("The nextToken is not valid.")
		}
	}
	from = min(from, len(list))
	to := min(from+limit, len(list))
	page := object{name: list[from:to]}
	if to < len(list) {
		page["nextToken"] = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(to)))
	}
	return page, nil
}
