// The JavaScript SDK's default chain under IRSA variables: one line a case.
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { GetSecretValueCommand, ListSecretsCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import assert from "node:assert/strict";

const cases = {
  "the default chain is the role": async () => {
    const { Arn } = await new STSClient({}).send(new GetCallerIdentityCommand({}));
    assert.match(Arn, /^arn:aws:sts::111122223333:assumed-role\/EKSServiceAccountRole\/aws-sdk-js-session-/);
  },
  "the default chain reads the secret": async () => {
    const { SecretString } = await new SecretsManagerClient({}).send(new GetSecretValueCommand({ SecretId: "your-secret-name" }));
    assert.equal(SecretString, '{"username":"admin","password":"s3cr3t"}');
  },
  "an action that is not allowed is denied": async () => {
    await assert.rejects(new SecretsManagerClient({}).send(new ListSecretsCommand({})), { name: "AccessDeniedException" });
  },
  "an object is written and read": async () => {
    const s3 = new S3Client({ forcePathStyle: true });
    await s3.send(new PutObjectCommand({ Bucket: "reports", Key: "from/js", Body: "hello" }));
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: "reports", Key: "from/js" }));
    assert.equal(await Body.transformToString(), "hello");
  },
};
for (const [name, run] of Object.entries(cases)) {
  try {
    await run();
    console.log("ok", name);
  } catch (error) {
    console.log("not ok", name);
    console.log(String(error.stack).split("\n").slice(0, 8).map((line) => "   # " + line).join("\n"));
  }
}
