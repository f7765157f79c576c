# Uses Python's SDK of before AWS_ENDPOINT_URL: BUCKET, made if it is not there.
import sys

import boto3

bucket = sys.argv[1]
print(boto3.client("sts").get_caller_identity()["Arn"])
s3 = boto3.client("s3")
s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
s3.put_object(Bucket=bucket, Key="k", Body=b"of Python")
print(s3.get_object(Bucket=bucket, Key="k")["Body"].read().decode())
