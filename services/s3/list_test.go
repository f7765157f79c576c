package s3_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/irsa-emu/irsa-emu/services/servicetest"
)

func keysOf(contents []types.Object, prefixes []types.CommonPrefix) string {
	var keys []string
	for _, p := range prefixes {
		keys = append(keys, *p.Prefix)
	}
	for _, o := range contents {
		keys = append(keys, *o.Key)
	}
	return strings.Join(keys, " ")
}

// TestListObjects: the pages follow test_list_objects_v2_with_prefix_and_delimiter,
// …_continuation_start_after, …_continuation_common_prefixes and
// test_list_objects_marker_common_prefixes, recorded on AWS.
func TestListObjects(t *testing.T) {
	c := client(start(t, false).Root(servicetest.Account))
	b := bucket(t, c, "reports")
	for _, key := range []string{"folder/aSubfolder/subFile1", "folder/aSubfolder/subFile2", "folder/file1", "folder/file2", "test/bar/foo/123", "test/foo/bar/123", "test/foo/bar/456"} {
		write(t, c, b, key, "x")
	}
	cases := []struct {
		prefix, delimiter, after string
		size                     int32
		pages                    []string
	}{
		{"", "", "", 0, []string{"folder/aSubfolder/subFile1 folder/aSubfolder/subFile2 folder/file1 folder/file2 test/bar/foo/123 test/foo/bar/123 test/foo/bar/456"}},
		{"test/", "/", "", 0, []string{"test/bar/ test/foo/"}},
		{"test/", "/", "", 1, []string{"test/bar/", "test/foo/"}},
		{"test/foo", "/", "", 0, []string{"test/foo/"}},
		{"test/foo/bar", "/", "", 0, []string{"test/foo/bar/"}},
		{"folder/", "/", "", 1, []string{"folder/aSubfolder/", "folder/file1", "folder/file2"}},
		{"folder/", "", "folder/file1", 0, []string{"folder/file2"}},
		{"", "", "", 3, []string{"folder/aSubfolder/subFile1 folder/aSubfolder/subFile2 folder/file1", "folder/file2 test/bar/foo/123 test/foo/bar/123", "test/foo/bar/456"}},
		{"none", "", "", 0, []string{""}},
	}
	for _, tc := range cases {
		t.Run(fmt.Sprintf("%s%s%s %d", tc.prefix, tc.delimiter, tc.after, tc.size), func(t *testing.T) {
			in := &sdk.ListObjectsV2Input{Bucket: &b, Prefix: &tc.prefix, StartAfter: &tc.after}
			if tc.delimiter != "" {
				in.Delimiter = &tc.delimiter
			}
			if tc.size > 0 {
				in.MaxKeys = &tc.size
			}
			var got []string
			pages := sdk.NewListObjectsV2Paginator(c, in)
			for pages.HasMorePages() {
				page := must[*sdk.ListObjectsV2Output](t)(pages.NextPage(t.Context()))
				got = append(got, keysOf(page.Contents, page.CommonPrefixes))
				if int(*page.KeyCount) != len(page.Contents)+len(page.CommonPrefixes) {
					t.Errorf("KeyCount %d", *page.KeyCount)
				}
			}
			if diff := cmp.Diff(tc.pages, got); diff != "" {
				t.Errorf("version 2 (-want +got):\n%s", diff)
			}
			got = nil
			marker := tc.after
			for {
				page := must[*sdk.ListObjectsOutput](t)(c.ListObjects(t.Context(), &sdk.ListObjectsInput{Bucket: &b, Prefix: &tc.prefix, Delimiter: in.Delimiter, MaxKeys: in.MaxKeys, Marker: &marker}))
				got = append(got, keysOf(page.Contents, page.CommonPrefixes))
				if !*page.IsTruncated {
					break
				}
				if marker = aws.ToString(page.NextMarker); tc.delimiter == "" {
					marker = *page.Contents[len(page.Contents)-1].Key // AWS gives no NextMarker without a delimiter
				}
			}
			if diff := cmp.Diff(tc.pages, got); diff != "" {
				t.Errorf("version 1 (-want +got):\n%s", diff)
			}
		})
	}
	versions := must[*sdk.ListObjectVersionsOutput](t)(c.ListObjectVersions(t.Context(), &sdk.ListObjectVersionsInput{Bucket: &b, Prefix: aws.String("folder/"), Delimiter: aws.String("/")}))
	if len(versions.Versions) != 2 || *versions.Versions[0].VersionId != "null" || !*versions.Versions[0].IsLatest || len(versions.CommonPrefixes) != 1 {
		t.Errorf("versions: %+v", versions)
	}
	escaped := must[*sdk.ListObjectsV2Output](t)(c.ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: &b, Prefix: aws.String("a b/ü*"), EncodingType: types.EncodingTypeUrl}))
	if *escaped.Prefix != "a+b/%C3%BC*" || escaped.EncodingType != "url" {
		t.Errorf("escaped: %q", *escaped.Prefix)
	}
	_, err := c.ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: &b, EncodingType: "value"})
	refused(t, err, 400, "InvalidArgument", "Invalid Encoding Method specified in Request")
}

func TestListBuckets(t *testing.T) {
	s := start(t, false)
	c := client(s.Root(servicetest.Account))
	for _, name := range []string{"bucket-b", "bucket-a", "other"} {
		bucket(t, c, name)
	}
	bucket(t, client(s.Root(servicetest.Other)), "not-mine")
	var names []string
	pages := sdk.NewListBucketsPaginator(c, &sdk.ListBucketsInput{MaxBuckets: aws.Int32(1), Prefix: aws.String("bucket-")})
	for pages.HasMorePages() {
		for _, b := range must[*sdk.ListBucketsOutput](t)(pages.NextPage(t.Context())).Buckets {
			names = append(names, *b.Name)
			if *b.BucketRegion != servicetest.Region || *b.BucketArn != "arn:aws:s3:::"+*b.Name {
				t.Errorf("entry %+v", b)
			}
		}
	}
	if !cmp.Equal(names, []string{"bucket-a", "bucket-b"}) {
		t.Errorf("names %v", names)
	}
	_, err := c.ListBuckets(t.Context(), &sdk.ListBucketsInput{BucketRegion: aws.String("eu-east")})
	refused(t, err, 400, "InvalidArgument", "Argument value eu-east is not a valid AWS Region")
}
