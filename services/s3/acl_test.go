package s3_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/irsa-emu/irsa-emu/services/servicetest"
)

// TestACLInXML: where ACLs are off, the one that every object has is taken in
// XML too, as s3cmd sends it with a copy; any other is refused.
func TestACLInXML(t *testing.T) {
	c := client(start(t, false).Root(servicetest.Account))
	b := bucket(t, c, "reports")
	write(t, c, b, "k", "content")
	ctx, key := t.Context(), aws.String("k")
	acl := must[*sdk.GetObjectAclOutput](t)(c.GetObjectAcl(ctx, &sdk.GetObjectAclInput{Bucket: &b, Key: key}))
	put := func(grants []types.Grant) error {
		_, err := c.PutObjectAcl(ctx, &sdk.PutObjectAclInput{Bucket: &b, Key: key, AccessControlPolicy: &types.AccessControlPolicy{Owner: acl.Owner, Grants: grants}})
		return err
	}
	if err := put(acl.Grants); err != nil {
		t.Errorf("the ACL that it has: %v", err)
	}
	all := types.Grant{Grantee: &types.Grantee{Type: types.TypeGroup, URI: aws.String("http://acs.amazonaws.com/groups/global/AllUsers")}, Permission: types.PermissionRead}
	refused(t, put(append(acl.Grants, all)), 400, "AccessControlListNotSupported", "The bucket does not allow ACLs")
}
