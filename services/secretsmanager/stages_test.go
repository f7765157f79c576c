package secretsmanager_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/irsa-emu/irsa-emu/services/servicetest"
)

var ignoreSmithy = cmpopts.IgnoreUnexported(types.Tag{})

func tagsOf(pairs ...string) []types.Tag {
	tags := []types.Tag{}
	for i := 0; i < len(pairs); i += 2 {
		tags = append(tags, types.Tag{Key: &pairs[i], Value: &pairs[i+1]})
	}
	return tags
}

// TestStages replays the sequences of test_update_secret_version_stages_*,
// test_non_versioning_version_stages_* and test_deprecated_secret_version_stage,
// recorded on AWS by LocalStack, which sorts the labels. After each step stand the versions with their
// labels, in the order of their creation; deprecated ones too where they are asked for.
func TestStages(t *testing.T) {
	type step struct{ do, want string }
	cases := []struct {
		name  string
		steps []step
	}{
		{"current and previous", []step{
			{"put", "1:AWSPREVIOUS 2:AWSCURRENT"},
			{"put", "2:AWSPREVIOUS 3:AWSCURRENT"},
			{"all", "1: 2:AWSPREVIOUS 3:AWSCURRENT"},
		}},
		{"current and pending", []step{
			{"put AWSPENDING", "1:AWSCURRENT 2:AWSPENDING"},
			{"move AWSCURRENT 1 2", "1:AWSPREVIOUS 2:AWSCURRENT,AWSPENDING"},
			{"put AWSCURRENT", "2:AWSPREVIOUS 3:AWSCURRENT"}, // the pending label goes
		}},
		{"pending cycle", []step{
			{"put AWSPENDING", "1:AWSCURRENT 2:AWSPENDING"},
			{"move AWSCURRENT 1 2", "1:AWSPREVIOUS 2:AWSCURRENT,AWSPENDING"},
			{"put AWSPENDING", "1:AWSPREVIOUS 2:AWSCURRENT 3:AWSPENDING"},
			{"move AWSCURRENT 2 3", "2:AWSPREVIOUS 3:AWSCURRENT,AWSPENDING"},
		}},
		{"custom labels 1", []step{
			{"put AWSPENDING,AWSSOMETHING,PUT1", "1:AWSCURRENT 2:AWSPENDING,AWSSOMETHING,PUT1"},
			{"move AWSCURRENT 1 2", "1:AWSPREVIOUS 2:AWSCURRENT,AWSPENDING,AWSSOMETHING,PUT1"},
			{"put AWSPENDING,PUT2", "1:AWSPREVIOUS 2:AWSCURRENT,AWSSOMETHING,PUT1 3:AWSPENDING,PUT2"},
			{"move AWSCURRENT 2 3", "2:AWSPREVIOUS,AWSSOMETHING,PUT1 3:AWSCURRENT,AWSPENDING,PUT2"},
		}},
		{"custom labels 2", []step{
			{"put AWSCURRENT,PUT0", "1:AWSPREVIOUS 2:AWSCURRENT,PUT0"},
			{"put AWSPENDING,PUT1", "1:AWSPREVIOUS 2:AWSCURRENT,PUT0 3:AWSPENDING,PUT1"},
			{"move AWSCURRENT 2 3", "2:AWSPREVIOUS,PUT0 3:AWSCURRENT,AWSPENDING,PUT1"},
			{"put AWSPENDING,PUT2", "2:AWSPREVIOUS,PUT0 3:AWSCURRENT,PUT1 4:AWSPENDING,PUT2"},
			{"move AWSCURRENT 3 4", "2:PUT0 3:AWSPREVIOUS,PUT1 4:AWSCURRENT,AWSPENDING,PUT2"},
		}},
		{"custom labels 3", []step{
			{"put PENDING", "1:AWSCURRENT 2:PENDING"},
			{"move AWSCURRENT 1 2", "1:AWSPREVIOUS 2:AWSCURRENT,PENDING"},
			{"remove PENDING 2", "1:AWSPREVIOUS 2:AWSCURRENT"},
		}},
		{"replaced", []step{
			{"put one,two,three", "1:AWSCURRENT 2:one,three,two"},
			{"put one,two,three,four", "1:AWSCURRENT 3:four,one,three,two"},
		}},
		{"replaced in part", []step{
			{"put one,two,three", "1:AWSCURRENT 2:one,three,two"},
			{"put one,two,four", "1:AWSCURRENT 2:three 3:four,one,two"},
		}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := client(start(t).Root(servicetest.Account))
			ctx := t.Context()
			name := aws.String("n")
			ids := []string{*create(t, c, "n", "v").VersionId}
			id := func(number string) *string { return &ids[number[0]-'1'] }
			for _, st := range tc.steps {
				all := false
				switch do := strings.Fields(st.do); do[0] {
				case "put":
					in := &sdk.PutSecretValueInput{SecretId: name, SecretString: aws.String(fmt.Sprint("v", len(ids)))}
					if len(do) > 1 {
						in.VersionStages = strings.Split(do[1], ",")
					}
					ids = append(ids, *must[*sdk.PutSecretValueOutput](t)(c.PutSecretValue(ctx, in)).VersionId)
				case "move":
					must[*sdk.UpdateSecretVersionStageOutput](t)(c.UpdateSecretVersionStage(ctx, &sdk.UpdateSecretVersionStageInput{
						SecretId: name, VersionStage: &do[1], RemoveFromVersionId: id(do[2]), MoveToVersionId: id(do[3])}))
				case "remove":
					must[*sdk.UpdateSecretVersionStageOutput](t)(c.UpdateSecretVersionStage(ctx, &sdk.UpdateSecretVersionStageInput{
						SecretId: name, VersionStage: &do[1], RemoveFromVersionId: id(do[2])}))
				case "all":
					all = true
				}
				listed := must[*sdk.ListSecretVersionIdsOutput](t)(c.ListSecretVersionIds(ctx, &sdk.ListSecretVersionIdsInput{SecretId: name, IncludeDeprecated: &all}))
				var got []string
				for _, v := range listed.Versions {
					got = append(got, fmt.Sprintf("%d:%s", slices.Index(ids, *v.VersionId)+1, strings.Join(slices.Sorted(slices.Values(v.VersionStages)), ",")))
					if !cmp.Equal(v.KmsKeyIds, []string{"DefaultEncryptionKey"}) {
						t.Errorf("KmsKeyIds %v", v.KmsKeyIds)
					}
				}
				if diff := cmp.Diff(st.want, strings.Join(got, " ")); diff != "" {
					t.Fatalf("after %s (-want +got):\n%s", st.do, diff)
				}
			}
		})
	}
}
