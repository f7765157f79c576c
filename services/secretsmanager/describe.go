package secretsmanager

import (
	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/wire"
)

// secretID is the input of the actions that need nothing else.
type secretID struct {
	SecretId string `wire:"required,min=1,max=2048"`
}

// description is a secret as DescribeSecret and ListSecrets show it: the one
// calls the labels VersionIdsToStages, the other SecretVersionsToStages.
type description struct {
	ARN                    string
	Name                   string
	Type                   string              `json:",omitempty"`
	Description            string              `json:",omitempty"`
	KmsKeyId               string              `json:",omitempty"`
	LastChangedDate        wire.Time           `json:",omitzero"`
	LastAccessedDate       wire.Time           `json:",omitzero"`
	DeletedDate            wire.Time           `json:",omitzero"`
	Tags                   []tagEntry          `json:",omitzero"` // kept when empty, dropped when nil
	VersionIdsToStages     map[string][]string `json:",omitempty"`
	SecretVersionsToStages map[string][]string `json:",omitempty"`
	CreatedDate            wire.Time           `json:",omitzero"`
}

func (s *Service) describeSecret(req *api.Request) (any, error) {
	var in secretID
	if err := req.DecodeJSON(&in); err != nil {
		return nil, err
	}
	secret, err := s.open(req, in.SecretId, nil)
	if err != nil {
		return nil, err
	}
	out := secret.describe()
	out.VersionIdsToStages = secret.labelled()
	return out, nil
}

func (s *Secret) describe() description {
	return description{
		ARN: s.ARN(), Name: s.Name, Type: s.Type, Description: s.Description, KmsKeyId: s.KMSKeyID,
		LastChangedDate: wire.At(s.Changed), LastAccessedDate: wire.At(s.Accessed), DeletedDate: wire.At(s.Deleted),
		Tags: tagEntries(s.Tags), CreatedDate: wire.At(s.Created),
	}
}

// tagEntry is an aws.Tag with the names that this API has.
type tagEntry struct{ Key, Value string }

func tagEntries(tags []aws.Tag) []tagEntry {
	if tags == nil {
		return nil
	}
	entries := make([]tagEntry, len(tags))
	for i, t := range tags {
		entries[i] = tagEntry(t)
	}
	return entries
}

// labelled lists the versions that have labels; others are deprecated and not shown.
func (s *Secret) labelled() map[string][]string {
	stages := map[string][]string{}
	for _, v := range s.Versions {
		if len(v.Stages) > 0 {
			stages[v.ID] = v.Stages
		}
	}
	return stages
}
