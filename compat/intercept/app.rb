# Uses Ruby's SDK of before AWS_ENDPOINT_URL: BUCKET, made if it is not there.
require "aws-sdk-s3"

bucket = ARGV.fetch(0)
puts Aws::STS::Client.new.get_caller_identity.arn
s3 = Aws::S3::Client.new
s3.create_bucket(bucket: bucket, create_bucket_configuration: {location_constraint: s3.config.region})
s3.put_object(bucket: bucket, key: "a b/ü", body: "of Ruby")
puts s3.list_objects_v2(bucket: bucket).contents.map(&:key)
puts s3.get_object(bucket: bucket, key: "a b/ü").body.read
puts Net::HTTP.get(URI(Aws::S3::Presigner.new.presigned_url(:get_object, bucket: bucket, key: "a b/ü")))
