package s3

import (
	"net/http"
	"net/url"
)

// scope is what an address names.
type scope int

const (
	onService scope = iota
	onBucket
	onObject
)

// operation is one of S3's, found by what the address names, the method, and a
// parameter of the query or a header.
type operation struct {
	name   string
	at     scope
	method string
	param  string // "" is the operation of requests without any such parameter
	header string // that must be there, too
	// action is what policies call it, without s3:; with a versionId in the query it is versioned.
	action    string
	versioned string
	do        func(*Service, *call) error // nil: known, and not implemented
}

const (
	get  = http.MethodGet
	put  = http.MethodPut
	post = http.MethodPost
	del  = http.MethodDelete
	head = http.MethodHead
)

// operations are tried in this order. What is not implemented is listed so
// that its refusal can name it.
var operations = []operation{
	{name: "ListBuckets", at: onService, method: get, action: "ListAllMyBuckets", do: (*Service).listBuckets},

	{name: "GetBucketAbac", at: onBucket, method: get, param: "abac", action: "GetBucketAbac"},
	{name: "GetBucketAccelerateConfiguration", at: onBucket, method: get, param: "accelerate", action: "GetAccelerateConfiguration", do: fresh("AccelerateConfiguration", "")},
	{name: "GetBucketAcl", at: onBucket, method: get, param: "acl", action: "GetBucketAcl", do: (*Service).getACL},
	{name: "ListBucketAnalyticsConfigurations", at: onBucket, method: get, param: "analytics", action: "GetAnalyticsConfiguration"},
	{name: "GetBucketCors", at: onBucket, method: get, param: "cors", action: "GetBucketCORS", do: (*Service).getCORS},
	{name: "GetBucketEncryption", at: onBucket, method: get, param: "encryption", action: "GetEncryptionConfiguration", do: (*Service).getEncryption},
	{name: "ListBucketIntelligentTieringConfigurations", at: onBucket, method: get, param: "intelligent-tiering", action: "GetIntelligentTieringConfiguration"},
	{name: "ListBucketInventoryConfigurations", at: onBucket, method: get, param: "inventory", action: "GetInventoryConfiguration"},
	{name: "GetBucketLifecycleConfiguration", at: onBucket, method: get, param: "lifecycle", action: "GetLifecycleConfiguration", do: (*Service).getLifecycle},
	{name: "GetBucketLocation", at: onBucket, method: get, param: "location", action: "GetBucketLocation", do: (*Service).getLocation},
	{name: "GetBucketLogging", at: onBucket, method: get, param: "logging", action: "GetBucketLogging", do: fresh("BucketLoggingStatus", "")},
	{name: "GetBucketMetadataTableConfiguration", at: onBucket, method: get, param: "metadataTable", action: "GetBucketMetadataTableConfiguration"},
	{name: "ListBucketMetricsConfigurations", at: onBucket, method: get, param: "metrics", action: "GetMetricsConfiguration"},
	{name: "GetBucketNotificationConfiguration", at: onBucket, method: get, param: "notification", action: "GetBucketNotification", do: fresh("NotificationConfiguration", "")},
	{name: "GetObjectLockConfiguration", at: onBucket, method: get, param: "object-lock", action: "GetBucketObjectLockConfiguration", do: absent("ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket")},
	{name: "GetBucketOwnershipControls", at: onBucket, method: get, param: "ownershipControls", action: "GetBucketOwnershipControls", do: (*Service).getOwnership},
	{name: "GetBucketPolicy", at: onBucket, method: get, param: "policy", action: "GetBucketPolicy", do: (*Service).getBucketPolicy},
	{name: "GetBucketPolicyStatus", at: onBucket, method: get, param: "policyStatus", action: "GetBucketPolicyStatus", do: (*Service).getBucketPolicyStatus},
	{name: "GetPublicAccessBlock", at: onBucket, method: get, param: "publicAccessBlock", action: "GetBucketPublicAccessBlock", do: (*Service).getPublicAccessBlock},
	{name: "GetBucketReplication", at: onBucket, method: get, param: "replication", action: "GetReplicationConfiguration", do: absent("ReplicationConfigurationNotFoundError", "The replication configuration was not found")},
	{name: "GetBucketRequestPayment", at: onBucket, method: get, param: "requestPayment", action: "GetBucketRequestPayment", do: fresh("RequestPaymentConfiguration", "<Payer>BucketOwner</Payer>")},
	{name: "GetBucketTagging", at: onBucket, method: get, param: "tagging", action: "GetBucketTagging", do: (*Service).getBucketTagging},
	{name: "ListMultipartUploads", at: onBucket, method: get, param: "uploads", action: "ListBucketMultipartUploads", do: (*Service).listMultipartUploads},
	{name: "GetBucketVersioning", at: onBucket, method: get, param: "versioning", action: "GetBucketVersioning", do: (*Service).getVersioning},
	{name: "ListObjectVersions", at: onBucket, method: get, param: "versions", action: "ListBucketVersions", do: (*Service).listObjectVersions},
	{name: "GetBucketWebsite", at: onBucket, method: get, param: "website", action: "GetBucketWebsite", do: absent("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration")},
	{name: "ListObjectsV2", at: onBucket, method: get, param: "list-type", action: "ListBucket", do: (*Service).listObjectsV2},
	{name: "ListObjects", at: onBucket, method: get, action: "ListBucket", do: (*Service).listObjects},
	{name: "HeadBucket", at: onBucket, method: head, action: "ListBucket", do: (*Service).headBucket},

	{name: "PutBucketAbac", at: onBucket, method: put, param: "abac", action: "PutBucketAbac"},
	{name: "PutBucketAccelerateConfiguration", at: onBucket, method: put, param: "accelerate", action: "PutAccelerateConfiguration"},
	{name: "PutBucketAcl", at: onBucket, method: put, param: "acl", action: "PutBucketAcl", do: (*Service).putACL},
	{name: "PutBucketAnalyticsConfiguration", at: onBucket, method: put, param: "analytics", action: "PutAnalyticsConfiguration"},
	{name: "PutBucketCors", at: onBucket, method: put, param: "cors", action: "PutBucketCORS", do: (*Service).putCORS},
	{name: "PutBucketEncryption", at: onBucket, method: put, param: "encryption", action: "PutEncryptionConfiguration", do: (*Service).putEncryption},
	{name: "PutBucketIntelligentTieringConfiguration", at: onBucket, method: put, param: "intelligent-tiering", action: "PutIntelligentTieringConfiguration"},
	{name: "PutBucketInventoryConfiguration", at: onBucket, method: put, param: "inventory", action: "PutInventoryConfiguration"},
	{name: "PutBucketLifecycleConfiguration", at: onBucket, method: put, param: "lifecycle", action: "PutLifecycleConfiguration", do: (*Service).putLifecycle},
	{name: "PutBucketLogging", at: onBucket, method: put, param: "logging", action: "PutBucketLogging"},
	{name: "PutBucketMetricsConfiguration", at: onBucket, method: put, param: "metrics", action: "PutMetricsConfiguration"},
	{name: "PutBucketNotificationConfiguration", at: onBucket, method: put, param: "notification", action: "PutBucketNotification"},
	{name: "PutObjectLockConfiguration", at: onBucket, method: put, param: "object-lock", action: "PutBucketObjectLockConfiguration"},
	{name: "PutBucketOwnershipControls", at: onBucket, method: put, param: "ownershipControls", action: "PutBucketOwnershipControls", do: (*Service).putOwnership},
	{name: "PutBucketPolicy", at: onBucket, method: put, param: "policy", action: "PutBucketPolicy", do: (*Service).putBucketPolicy},
	{name: "PutPublicAccessBlock", at: onBucket, method: put, param: "publicAccessBlock", action: "PutBucketPublicAccessBlock", do: (*Service).putPublicAccessBlock},
	{name: "PutBucketReplication", at: onBucket, method: put, param: "replication", action: "PutReplicationConfiguration"},
	{name: "PutBucketRequestPayment", at: onBucket, method: put, param: "requestPayment", action: "PutBucketRequestPayment"},
	{name: "PutBucketTagging", at: onBucket, method: put, param: "tagging", action: "PutBucketTagging", do: (*Service).putBucketTagging},
	{name: "PutBucketVersioning", at: onBucket, method: put, param: "versioning", action: "PutBucketVersioning", do: (*Service).putVersioning},
	{name: "PutBucketWebsite", at: onBucket, method: put, param: "website", action: "PutBucketWebsite"},
	{name: "CreateBucket", at: onBucket, method: put, action: "CreateBucket", do: (*Service).createBucket},

	{name: "DeleteObjects", at: onBucket, method: post, param: "delete", do: (*Service).deleteObjects},
	{name: "PostObject", at: onBucket, method: post, action: "PutObject", do: (*Service).postObject},

	{name: "DeleteBucketAnalyticsConfiguration", at: onBucket, method: del, param: "analytics", action: "PutAnalyticsConfiguration"},
	{name: "DeleteBucketCors", at: onBucket, method: del, param: "cors", action: "PutBucketCORS", do: (*Service).deleteCORS},
	{name: "DeleteBucketEncryption", at: onBucket, method: del, param: "encryption", action: "PutEncryptionConfiguration", do: (*Service).deleteEncryption},
	{name: "DeleteBucketIntelligentTieringConfiguration", at: onBucket, method: del, param: "intelligent-tiering", action: "PutIntelligentTieringConfiguration"},
	{name: "DeleteBucketInventoryConfiguration", at: onBucket, method: del, param: "inventory", action: "PutInventoryConfiguration"},
	{name: "DeleteBucketLifecycle", at: onBucket, method: del, param: "lifecycle", action: "PutLifecycleConfiguration", do: (*Service).deleteLifecycle},
	{name: "DeleteBucketMetricsConfiguration", at: onBucket, method: del, param: "metrics", action: "PutMetricsConfiguration"},
	{name: "DeleteBucketOwnershipControls", at: onBucket, method: del, param: "ownershipControls", action: "PutBucketOwnershipControls", do: (*Service).deleteOwnership},
	{name: "DeleteBucketPolicy", at: onBucket, method: del, param: "policy", action: "DeleteBucketPolicy", do: (*Service).deleteBucketPolicy},
	{name: "DeletePublicAccessBlock", at: onBucket, method: del, param: "publicAccessBlock", action: "PutBucketPublicAccessBlock", do: (*Service).deletePublicAccessBlock},
	{name: "DeleteBucketReplication", at: onBucket, method: del, param: "replication", action: "PutReplicationConfiguration", do: (*Service).nothingToDelete},
	{name: "DeleteBucketTagging", at: onBucket, method: del, param: "tagging", action: "PutBucketTagging", do: (*Service).deleteBucketTagging},
	{name: "DeleteBucketWebsite", at: onBucket, method: del, param: "website", action: "DeleteBucketWebsite", do: (*Service).nothingToDelete},
	{name: "DeleteBucket", at: onBucket, method: del, action: "DeleteBucket", do: (*Service).deleteBucket},

	{name: "GetObjectAcl", at: onObject, method: get, param: "acl", action: "GetObjectAcl", versioned: "GetObjectVersionAcl", do: (*Service).getACL},
	{name: "GetObjectAttributes", at: onObject, method: get, param: "attributes", action: "GetObjectAttributes", versioned: "GetObjectVersionAttributes", do: (*Service).getObjectAttributes},
	{name: "GetObjectLegalHold", at: onObject, method: get, param: "legal-hold", action: "GetObjectLegalHold"},
	{name: "GetObjectRetention", at: onObject, method: get, param: "retention", action: "GetObjectRetention"},
	{name: "GetObjectTagging", at: onObject, method: get, param: "tagging", action: "GetObjectTagging", versioned: "GetObjectVersionTagging", do: (*Service).getObjectTagging},
	{name: "GetObjectTorrent", at: onObject, method: get, param: "torrent", action: "GetObjectTorrent"},
	{name: "ListParts", at: onObject, method: get, param: "uploadId", action: "ListMultipartUploadParts", do: (*Service).listParts},
	{name: "GetObject", at: onObject, method: get, action: "GetObject", versioned: "GetObjectVersion", do: (*Service).getObject},
	{name: "HeadObject", at: onObject, method: head, action: "GetObject", versioned: "GetObjectVersion", do: (*Service).getObject},

	{name: "PutObjectAcl", at: onObject, method: put, param: "acl", action: "PutObjectAcl", versioned: "PutObjectVersionAcl", do: (*Service).putACL},
	{name: "PutObjectLegalHold", at: onObject, method: put, param: "legal-hold", action: "PutObjectLegalHold"},
	{name: "RenameObject", at: onObject, method: put, param: "renameObject", action: "PutObject"},
	{name: "PutObjectRetention", at: onObject, method: put, param: "retention", action: "PutObjectRetention"},
	{name: "PutObjectTagging", at: onObject, method: put, param: "tagging", action: "PutObjectTagging", versioned: "PutObjectVersionTagging", do: (*Service).putObjectTagging},
	{name: "UploadPartCopy", at: onObject, method: put, param: "uploadId", header: "X-Amz-Copy-Source", action: "PutObject", do: (*Service).uploadPartCopy},
	{name: "UploadPart", at: onObject, method: put, param: "uploadId", action: "PutObject", do: (*Service).uploadPart},
	{name: "CopyObject", at: onObject, method: put, header: "X-Amz-Copy-Source", action: "PutObject", do: (*Service).copyObject},
	{name: "PutObject", at: onObject, method: put, action: "PutObject", do: (*Service).putObject},

	{name: "RestoreObject", at: onObject, method: post, param: "restore", action: "RestoreObject"},
	{name: "SelectObjectContent", at: onObject, method: post, param: "select", action: "GetObject"},
	{name: "CreateMultipartUpload", at: onObject, method: post, param: "uploads", action: "PutObject", do: (*Service).createMultipartUpload},
	{name: "CompleteMultipartUpload", at: onObject, method: post, param: "uploadId", action: "PutObject", do: (*Service).completeMultipartUpload},

	{name: "DeleteObjectTagging", at: onObject, method: del, param: "tagging", action: "DeleteObjectTagging", versioned: "DeleteObjectVersionTagging", do: (*Service).deleteObjectTagging},
	{name: "AbortMultipartUpload", at: onObject, method: del, param: "uploadId", action: "AbortMultipartUpload", do: (*Service).abortMultipartUpload},
	{name: "DeleteObject", at: onObject, method: del, action: "DeleteObject", versioned: "DeleteObjectVersion", do: (*Service).deleteObject},
}

// params are the parameters that name an operation. A request that has one is
// never taken for an operation without: PUT /b?cors is not CreateBucket.
var params = func() map[string]bool {
	set := map[string]bool{"policyStatus": true, "legal-hold": true, "retention": true, "torrent": true, "restore": true, "select": true, "session": true}
	for i := range operations {
		if operations[i].param != "" {
			set[operations[i].param] = true
		}
	}
	return set
}()

// operationOf finds the operation of a request, nil if S3 has none.
func operationOf(r *http.Request, query url.Values, at scope) *operation {
	named := false
	for p := range query {
		named = named || params[p]
	}
	for i := range operations {
		op := &operations[i]
		if op.at != at || op.method != r.Method || op.header != "" && r.Header.Get(op.header) == "" {
			continue
		}
		if op.param == "" && !named || op.param != "" && query.Has(op.param) {
			return op
		}
	}
	return nil
}
