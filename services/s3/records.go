package s3

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/state"
)

// records is what CloudTrail's records of S3 have of their own. S3 user guide,
// "Amazon S3 CloudTrail events" and "CloudTrail log file entries for Amazon S3".
var records = &api.Records{
	Source: "s3.amazonaws.com", Dates: time.RFC3339, Name: eventName, Data: isDataEvent, Resources: recordedResources, Additional: howSigned,
}

// eventNames are the operations that records call by an older name.
var eventNames = map[string]string{
	"ListObjectsV2":                      "ListObjects",
	"GetPublicAccessBlock":               "GetBucketPublicAccessBlock",
	"PutPublicAccessBlock":               "PutBucketPublicAccessBlock",
	"DeletePublicAccessBlock":            "DeleteBucketPublicAccessBlock",
	"GetBucketLifecycleConfiguration":    "GetBucketLifecycle",
	"PutBucketLifecycleConfiguration":    "PutBucketLifecycle",
	"GetBucketNotificationConfiguration": "GetBucketNotification",
	"PutBucketNotificationConfiguration": "PutBucketNotification",
	"GetBucketAccelerateConfiguration":   "GetAccelerateConfiguration",
	"PutBucketAccelerateConfiguration":   "PutAccelerateConfiguration",
	"GetObjectLockConfiguration":         "GetBucketObjectLockConfiguration",
	"PutObjectLockConfiguration":         "PutBucketObjectLockConfiguration",
}

func eventName(action string) string {
	if name, ok := eventNames[action]; ok {
		return name
	}
	return action
}

// isDataEvent: the guide counts all operations on objects, and of those on buckets
// these.
func isDataEvent(action string) bool {
	switch action {
	case "HeadBucket", "ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads", "DeleteObjects", "PostObject":
		return true
	}
	return slices.ContainsFunc(operations, func(op operation) bool { return op.name == action && op.at == onObject })
}

// parameters are those of records: bucket, key, host, and what the query has beside
// the signature.
func (c *call) parameters() map[string]any {
	all := map[string]any{"Host": c.HTTP.Host}
	if c.name != "" {
		all["bucketName"] = c.name
	}
	if c.key != "" {
		all["key"] = c.key
	}
	for name, values := range c.query {
		if lower := strings.ToLower(name); !strings.HasPrefix(lower, "x-amz-") && lower != "awsaccesskeyid" && lower != "signature" {
			all[name] = strings.Join(values, ",")
		}
	}
	return all
}

// recordedResources are the object and its bucket.
func recordedResources(req *api.Request) []api.RecordResource {
	in, _ := req.Input.(map[string]any)
	name, _ := in["bucketName"].(string)
	if name == "" {
		return nil
	}
	bucket := api.RecordResource{Type: "AWS::S3::Bucket", ARN: bucketARN(req.Region, name)}
	if b, ok := state.Get[*Bucket](req.State, name); ok {
		bucket.AccountID = b.Account
	}
	if key, _ := in["key"].(string); key != "" {
		return []api.RecordResource{{Type: "AWS::S3::Object", ARN: bucket.ARN + "/" + key}, bucket}
	}
	return []api.RecordResource{bucket}
}

// howSigned is additionalEventData of a signed call.
func howSigned(req *api.Request, _ string, _ bool) map[string]any {
	if req.Principal == nil {
		return nil
	}
	return map[string]any{"SignatureVersion": "SigV4", "AuthenticationMethod": methodOf(req.HTTP)}
}

func methodOf(r *http.Request) string {
	if r.Header.Get("Authorization") == "" {
		return "QueryString"
	}
	return "AuthHeader"
}
