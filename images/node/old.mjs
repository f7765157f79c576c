// SDK v2, which knows AWS's host names and no AWS_ENDPOINT_URL.
import "aws-sdk/global.js"; // before its clients, which need it whole
import STS from "aws-sdk/clients/sts.js";
import SecretsManager from "aws-sdk/clients/secretsmanager.js";
import S3 from "aws-sdk/clients/s3.js";

async function main() {
  const sts = new STS();
  console.log(sts.endpoint.href, (await sts.getCallerIdentity().promise()).Arn);
  const secrets = new SecretsManager();
  console.log(secrets.endpoint.href, (await secrets.getSecretValue({ SecretId: "your-secret-name" }).promise()).SecretString);
  const s3 = new S3();
  console.log(s3.endpoint.href, (await s3.getObject({ Bucket: "reports", Key: "2026/a.txt" }).promise()).Body.toString());
}

main();
