// Package wire speaks AWS's protocols: it reads calls and writes answers as
// AWS does, to the byte where that is known.
//
//   - Query (STS, IAM): [ReadQuery], [DecodeQuery], [WriteQuery], [WriteQueryError].
//   - awsJson 1.1 (Secrets Manager): [DecodeJSON], [WriteJSON], [WriteJSONError].
//   - REST-JSON (EKS): [WriteRESTJSON], [WriteRESTJSONError].
//   - the errors of S3's REST-XML: [WriteS3Error].
//   - Signature Version 4 of all of them: [ParseSignature], [Signature.Verify],
//     and the payloads of S3 that are signed piece by piece: [OpenPayload].
//
// It knows no action, no account and no credential: who a key belongs to is
// for the caller to find out between ParseSignature and Verify. It follows
// Smithy's AWS protocol pages and the "AWS Signature Version 4" pages of the
// IAM user guide; where AWS was seen to differ, a comment says so.
package wire
