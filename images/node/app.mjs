// SDK v3 and its default chain: who is this pod, and what does its secret say?
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";

async function main() {
  console.log((await new STSClient().send(new GetCallerIdentityCommand())).Arn);
  console.log((await new SecretsManagerClient().send(new GetSecretValueCommand({ SecretId: "your-secret-name" }))).SecretString);
  const object = await new S3Client().send(new GetObjectCommand({ Bucket: "reports", Key: "2026/a.txt" }));
  console.log(await object.Body.transformToString());
}

main();
