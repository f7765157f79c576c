package eks

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/state"
	"github.com/irsa-emu/irsa-emu/wire"
)

// mostUpdates are how many updates of an add-on are kept.
const mostUpdates = 10

func (s *Service) updateAddon(c *call) (any, error) {
	var in addonInput
	if err := decode(c.Request, &in); err != nil {
		return nil, err
	}
	a, err := openAddon(c)
	if err != nil {
		return nil, err
	}
	changed := *a
	associations, err := in.apply(s, c, &changed)
	if err != nil {
		return nil, err
	}
	id, err := uuid.NewRandomFromReader(s.rand)
	if err != nil {
		return nil, fmt.Errorf("eks: drawing the id of an update: %w", err)
	}
	update := AddonUpdate{ID: id.String(), Created: c.Now, Params: in.params()}
	err = s.store.Update(c.HTTP.Context(), func(tx *state.Txn) error {
		now, ok := state.Get[*Addon](tx, a.StateKey())
		if !ok || now.ID != a.ID { // deleted since it was found
			return noAddon(a.Cluster, a.Name)
		}
		changed.Modified, changed.Tags = c.Now, now.Tags
		changed.Updates = append(slices.Clone(now.Updates[max(0, len(now.Updates)-mostUpdates+1):]), update)
		return changed.put(tx, associations)
	})
	if err != nil {
		return nil, err
	}
	return object{"update": update.describe("InProgress")}, nil
}

// params says what an update changes, each value as text.
func (in *addonInput) params() []updateParam {
	params := []updateParam{}
	add := func(kind string, value *string) {
		if value != nil && *value != "" {
			params = append(params, updateParam{kind, *value})
		}
	}
	add("AddonVersion", &in.AddonVersion)
	add("ServiceAccountRoleArn", in.ServiceAccountRoleARN)
	add("ResolveConflicts", &in.ResolveConflicts)
	add("ConfigurationValues", in.ConfigurationValues)
	if in.PodIdentityAssociations != nil {
		if text, err := json.Marshal(in.PodIdentityAssociations); err == nil {
			value := string(text)
			add("PodIdentityAssociations", &value)
		}
	}
	return params
}

func (u *AddonUpdate) describe(status string) object {
	return object{"id": u.ID, "status": status, "type": "AddonUpdate", "params": u.Params, "createdAt": wire.At(u.Created), "errors": []object{}}
}

// describeUpdate knows the updates of add-ons, which are done at once. Clusters
// and node groups are not updated here.
func (s *Service) describeUpdate(c *call) (any, error) {
	c.path["addon"] = c.HTTP.URL.Query().Get("addonName")
	if c.path["addon"] == "" {
		return nil, api.Unsupported("eks", "DescribeUpdate")
	}
	a, err := openAddon(c)
	if err != nil {
		return nil, err
	}
	for i := range a.Updates {
		if a.Updates[i].ID == c.path["update"] {
			return object{"update": a.Updates[i].describe("Successful")}, nil
		}
	}
	return nil, ofCluster(a.Cluster, api.Fail(http.StatusNotFound, "ResourceNotFoundException", "No update found for ID: %s", c.path["update"]))
}

// describeAddonVersions gives for each add-on the one version that is its default
// here, for every version of Kubernetes.
func (s *Service) describeAddonVersions(c *call) (any, error) {
	if err := authorize(c.Request, "eks:DescribeAddonVersions", "*", c.Principal.Account, nil); err != nil {
		return nil, err
	}
	query := c.HTTP.URL.Query()
	names := slices.Sorted(maps.Keys(addonVersions))
	if name := query.Get("addonName"); name != "" {
		names = []string{name}
	}
	if query.Has("types") {
		return nil, api.Unsupported("eks", "DescribeAddonVersions with types")
	}
	for filter, ours := range map[string]string{"owners": "aws", "publishers": "eks"} {
		if query.Has(filter) && !slices.Contains(query[filter], ours) {
			names = nil
		}
	}
	version := query.Get("kubernetesVersion")
	if version == "" {
		version = defaultVersion
	}
	addons := []object{}
	for _, name := range names {
		addons = append(addons, object{"addonName": name, "owner": "aws", "publisher": "eks", "addonVersions": []object{{
			"addonVersion": defaultAddonVersion(name), "requiresConfiguration": false,
			"compatibilities": []object{{"clusterVersion": version, "platformVersions": []string{"*"}, "defaultVersion": true}},
		}}})
	}
	return paginate(c, "addons", addons)
}
