package eks

import (
	"net/http"
	"net/url"
	"strings"
)

// route is one operation: a method and a path whose {parts} are names.
type route struct {
	method, pattern, action string
	do                      func(*Service, *call) (any, error) // nil: known, and not implemented
}

// The order is that of the API reference's paths; what is not implemented is
// listed so that its refusal can name it.
var routes = []route{
	{"GET", "/clusters", "ListClusters", (*Service).listClusters},
	{"POST", "/clusters", "CreateCluster", (*Service).createCluster},
	{"GET", "/clusters/{name}", "DescribeCluster", (*Service).describeCluster},
	{"DELETE", "/clusters/{name}", "DeleteCluster", (*Service).deleteCluster},
	{"POST", "/clusters/{name}/update-config", "UpdateClusterConfig", nil},
	{"POST", "/clusters/{name}/updates", "UpdateClusterVersion", nil},
	{"GET", "/clusters/{name}/updates", "ListUpdates", nil},
	{"GET", "/clusters/{name}/updates/{update}", "DescribeUpdate", (*Service).describeUpdate},
	{"POST", "/clusters/{name}/pod-identity-associations", "CreatePodIdentityAssociation", (*Service).createAssociation},
	{"GET", "/clusters/{name}/pod-identity-associations", "ListPodIdentityAssociations", (*Service).listAssociations},
	{"GET", "/clusters/{name}/pod-identity-associations/{id}", "DescribePodIdentityAssociation", (*Service).describeAssociation},
	{"POST", "/clusters/{name}/pod-identity-associations/{id}", "UpdatePodIdentityAssociation", (*Service).updateAssociation},
	{"DELETE", "/clusters/{name}/pod-identity-associations/{id}", "DeletePodIdentityAssociation", (*Service).deleteAssociation},
	{"GET", "/clusters/{name}/node-groups", "ListNodegroups", nil},
	{"POST", "/clusters/{name}/node-groups", "CreateNodegroup", nil},
	{"GET", "/clusters/{name}/node-groups/{nodegroup}", "DescribeNodegroup", nil},
	{"DELETE", "/clusters/{name}/node-groups/{nodegroup}", "DeleteNodegroup", nil},
	{"GET", "/clusters/{name}/fargate-profiles", "ListFargateProfiles", nil},
	{"POST", "/clusters/{name}/fargate-profiles", "CreateFargateProfile", nil},
	{"GET", "/clusters/{name}/fargate-profiles/{profile}", "DescribeFargateProfile", nil},
	{"DELETE", "/clusters/{name}/fargate-profiles/{profile}", "DeleteFargateProfile", nil},
	{"GET", "/clusters/{name}/addons", "ListAddons", (*Service).listAddons},
	{"POST", "/clusters/{name}/addons", "CreateAddon", (*Service).createAddon},
	{"GET", "/clusters/{name}/addons/{addon}", "DescribeAddon", (*Service).describeAddon},
	{"DELETE", "/clusters/{name}/addons/{addon}", "DeleteAddon", (*Service).deleteAddon},
	{"POST", "/clusters/{name}/addons/{addon}/update", "UpdateAddon", (*Service).updateAddon},
	{"GET", "/clusters/{name}/access-entries", "ListAccessEntries", (*Service).listAccessEntries},
	{"POST", "/clusters/{name}/access-entries", "CreateAccessEntry", (*Service).createAccessEntry},
	{"GET", "/clusters/{name}/access-entries/{principal}", "DescribeAccessEntry", (*Service).describeAccessEntry},
	{"POST", "/clusters/{name}/access-entries/{principal}", "UpdateAccessEntry", (*Service).updateAccessEntry},
	{"DELETE", "/clusters/{name}/access-entries/{principal}", "DeleteAccessEntry", (*Service).deleteAccessEntry},
	{"GET", "/clusters/{name}/access-entries/{principal}/access-policies", "ListAssociatedAccessPolicies", (*Service).listAssociatedAccessPolicies},
	{"POST", "/clusters/{name}/access-entries/{principal}/access-policies", "AssociateAccessPolicy", (*Service).associateAccessPolicy},
	{"DELETE", "/clusters/{name}/access-entries/{principal}/access-policies/{policy}", "DisassociateAccessPolicy", (*Service).disassociateAccessPolicy},
	{"GET", "/clusters/{name}/insights/{id}", "DescribeInsight", nil},
	{"POST", "/clusters/{name}/insights", "ListInsights", nil},
	{"POST", "/clusters/{name}/encryption-config/associate", "AssociateEncryptionConfig", nil},
	{"POST", "/clusters/{name}/identity-provider-configs", "ListIdentityProviderConfigs", nil},
	{"GET", "/clusters/{name}/identity-provider-configs", "ListIdentityProviderConfigs", nil},
	{"POST", "/clusters/{name}/identity-provider-configs/associate", "AssociateIdentityProviderConfig", nil},
	{"POST", "/clusters/{name}/identity-provider-configs/describe", "DescribeIdentityProviderConfig", nil},
	{"POST", "/clusters/{name}/identity-provider-configs/disassociate", "DisassociateIdentityProviderConfig", nil},
	{"GET", "/cluster-versions", "DescribeClusterVersions", nil},
	{"POST", "/cluster-registrations", "RegisterCluster", nil},
	{"GET", "/addons/supported-versions", "DescribeAddonVersions", (*Service).describeAddonVersions},
	{"GET", "/addons/configuration-schemas", "DescribeAddonConfiguration", (*Service).describeAddonConfiguration},
	{"GET", "/access-policies", "ListAccessPolicies", (*Service).listAccessPolicies},
	{"GET", "/tags/{arn}", "ListTagsForResource", (*Service).listTags},
	{"POST", "/tags/{arn}", "TagResource", (*Service).tagResource},
	{"DELETE", "/tags/{arn}", "UntagResource", (*Service).untagResource},
}

// ActionOf names the operation that a request asks for, "" for none that EKS has.
func ActionOf(r *http.Request) string {
	if route, _ := match(r); route != nil {
		return route.action
	}
	return ""
}

// match finds a request's route and the names in its path. Parts are split
// before they are unescaped: an ARN in a path has its slash as %2F.
func match(r *http.Request) (*route, map[string]string) {
	parts := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	for i := range routes {
		if routes[i].method != r.Method {
			continue
		}
		if path, ok := routes[i].match(parts); ok {
			return &routes[i], path
		}
	}
	return nil, nil
}

func (r *route) match(parts []string) (map[string]string, bool) {
	want := strings.Split(r.pattern[1:], "/")
	if len(want) == 2 && want[0] == "tags" && len(parts) > 2 {
		// Some clients leave the slash of the ARN as it is.
		parts = []string{parts[0], strings.Join(parts[1:], "/")}
	}
	if len(want) != len(parts) {
		return nil, false
	}
	path := map[string]string{}
	for i, w := range want {
		name, isName := strings.CutPrefix(w, "{")
		if !isName {
			if w != parts[i] {
				return nil, false
			}
			continue
		}
		text, err := url.PathUnescape(parts[i])
		if err != nil || text == "" {
			return nil, false
		}
		path[strings.TrimSuffix(name, "}")] = text
	}
	return path, true
}
