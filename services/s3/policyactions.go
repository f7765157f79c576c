package s3

import (
	"fmt"
	"strings"

	"github.com/irsa-emu/irsa-emu/policy"
)

// The actions that bucket policies can name beside those of the operations
// (service authorization reference, "Actions defined by Amazon S3"): those of
// replication and of operations that are not known here, and those of no bucket,
// such as s3:CreateBucket, which are known and apply to nothing.
var (
	moreObjectActions = []string{
		"BypassGovernanceRetention", "GetObjectVersionForReplication", "GetObjectVersionTorrent", "InitiateReplication", "ObjectOwnerOverrideToBucketOwner",
		"PutObjectVersionAcl", "ReplicateDelete", "ReplicateObject", "ReplicateTags", "UpdateObjectEncryption",
	}
	moreBucketActions = []string{
		"CreateBucketMetadataTableConfiguration", "DeleteBucketMetadataTableConfiguration", "ListTagsForResource", "PauseReplication", "TagResource", "UntagResource",
		"UpdateBucketMetadataInventoryTableConfiguration", "UpdateBucketMetadataJournalTableConfiguration",
	}
	actionsOfNoBucket = []string{
		"AssociateAccessGrantsIdentityCenter", "CreateAccessGrant", "CreateAccessGrantsInstance", "CreateAccessGrantsLocation", "CreateAccessPoint",
		"CreateAccessPointForObjectLambda", "CreateBucket", "CreateJob", "CreateMultiRegionAccessPoint", "CreateStorageLensGroup", "DeleteAccessGrant",
		"DeleteAccessGrantsInstance", "DeleteAccessGrantsInstanceResourcePolicy", "DeleteAccessGrantsLocation", "DeleteAccessPoint", "DeleteAccessPointForObjectLambda",
		"DeleteAccessPointPolicy", "DeleteAccessPointPolicyForObjectLambda", "DeleteJobTagging", "DeleteMultiRegionAccessPoint", "DeleteStorageLensConfiguration",
		"DeleteStorageLensConfigurationTagging", "DeleteStorageLensGroup", "DescribeJob", "DescribeMultiRegionAccessPointOperation", "DissociateAccessGrantsIdentityCenter",
		"GetAccessGrant", "GetAccessGrantsInstance", "GetAccessGrantsInstanceForPrefix", "GetAccessGrantsInstanceResourcePolicy", "GetAccessGrantsLocation", "GetAccessPoint",
		"GetAccessPointConfigurationForObjectLambda", "GetAccessPointForObjectLambda", "GetAccessPointPolicy", "GetAccessPointPolicyForObjectLambda", "GetAccessPointPolicyStatus",
		"GetAccessPointPolicyStatusForObjectLambda", "GetAccountPublicAccessBlock", "GetDataAccess", "GetJobTagging", "GetMultiRegionAccessPoint", "GetMultiRegionAccessPointPolicy",
		"GetMultiRegionAccessPointPolicyStatus", "GetMultiRegionAccessPointRoutes", "GetStorageLensConfiguration", "GetStorageLensConfigurationTagging", "GetStorageLensDashboard",
		"GetStorageLensGroup", "ListAccessGrants", "ListAccessGrantsInstances", "ListAccessGrantsLocations", "ListAccessPoints", "ListAccessPointsForObjectLambda", "ListAllMyBuckets",
		"ListCallerAccessGrants", "ListJobs", "ListMultiRegionAccessPoints", "ListStorageLensConfigurations", "ListStorageLensGroups", "PutAccessGrantsInstanceResourcePolicy",
		"PutAccessPointConfigurationForObjectLambda", "PutAccessPointPolicy", "PutAccessPointPolicyForObjectLambda", "PutAccessPointPublicAccessBlock", "PutAccountPublicAccessBlock",
		"PutJobTagging", "PutMultiRegionAccessPointPolicy", "PutStorageLensConfiguration", "PutStorageLensConfigurationTagging", "SubmitMultiRegionAccessPointRoutes",
		"UpdateAccessGrantsLocation", "UpdateJobPriority", "UpdateJobStatus", "UpdateStorageLensGroup",
	}
)

// policyActions are the names in small letters, with s3:, and what they apply to:
// onService is nothing that a bucket policy is about.
var policyActions = map[string]scope{}

// The table of operations leads to what asks for the actions, so that no variable
// can be made of it.
func init() {
	add := func(at scope, names ...string) {
		for _, name := range names {
			if name != "" {
				policyActions["s3:"+strings.ToLower(name)] = at
			}
		}
	}
	add(onObject, moreObjectActions...)
	add(onBucket, moreBucketActions...)
	for _, op := range operations {
		add(op.at, op.action, op.versioned)
	}
	add(onBucket, "ListBucket", "ListBucketVersions", "ListBucketMultipartUploads")
	add(onService, actionsOfNoBucket...)
}

// checkActions says what S3 has against the actions of a statement that is about
// some of its resources: an action that there is not, or one that applies to none
// of them (versity/versitygw#650 and #645, aws-amplify/docs#7799). "" is nothing.
func (b *Bucket) checkActions(st *policy.Statement) (message, reason string) {
	var bucket, object bool
	for _, resource := range st.Resources.Values {
		bucket = bucket || policy.Like(resource, b.ARN())
		object = object || strings.HasPrefix(resource, b.ARN()+"/") || strings.Contains(resource, "*")
	}
	applies := func(at scope) bool {
		return at == onBucket && bucket || at == onObject && object || st.Resources.Not && at != onService
	}
	for _, action := range st.Actions.Values {
		known, fits, like := false, false, policy.Liker(strings.ToLower(action))
		for name, at := range policyActions {
			if like(name) {
				known, fits = true, fits || applies(at)
			}
		}
		switch {
		case !known:
			return "Policy has invalid action", fmt.Sprintf("S3 has no action %s", action)
		case !fits && !st.Actions.Not:
			kind := "buckets"
			if policyActions[strings.ToLower(action)] == onObject {
				kind = "objects"
			}
			return "Action does not apply to any resource(s) in statement",
				fmt.Sprintf("%s is about %s, and the statement's resources are %s: a bucket is %s, its objects are %[4]s/*", action, kind, strings.Join(st.Resources.Values, ", "), b.ARN())
		}
	}
	return "", ""
}
