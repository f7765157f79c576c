// The JavaScript SDK's default chain under IRSA variables: one line a case.
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { GetSecretValueCommand, ListSecretsCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";

const url = process.env.AWS_ENDPOINT_URL;
delete process.env.AWS_ROLE_SESSION_NAME; // as in a pod, where the SDK makes the name

async function control(method, path, body) {
  const answer = await fetch(url + path, { method, body: body && JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  const text = await answer.text();
  return text && JSON.parse(text);
}

// The first calls of AssumeRoleWithWebIdentity fail so; those after it do not.
const retries = (fault, times = 1) => async () => {
  await control("DELETE", "/_emu/faults");
  await control("POST", "/_emu/faults", { match: { service: "sts", action: "AssumeRoleWithWebIdentity" }, fault, times });
  const { Account } = await new STSClient({}).send(new GetCallerIdentityCommand({}));
  assert.equal(Account, "111122223333");
  const { faults } = await control("GET", "/_emu/faults");
  assert.ok(faults.every((f) => f.used >= f.times), "the fault was not met");
};

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
  "IDPCommunicationError is retried": retries({ code: "IDPCommunicationError", status: 400 }),
  "Throttling is retried": retries({ code: "Throttling", status: 400, message: "Rate exceeded" }),
  "503 is retried twice": retries({ code: "ServiceUnavailable", status: 503 }, 2),
  "a dropped connection is retried": retries({ dropConnection: true }),
  "AccessDenied is not retried": async () => {
    await control("DELETE", "/_emu/faults");
    const message = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
    await control("POST", "/_emu/faults", { match: { action: "AssumeRoleWithWebIdentity" }, fault: { code: "AccessDenied", status: 403, message }, times: 1 });
    await assert.rejects(new STSClient({}).send(new GetCallerIdentityCommand({})), (error) => {
      assert.equal(error.name, "AccessDenied");
      assert.equal(error.message, message);
      assert.equal(error.$metadata.attempts, 1);
      return true;
    });
  },
  // The emulator's clock is 57 minutes behind: credentials are 3 minutes from their end, and the SDK renews at 5.
  "credentials are refreshed before they expire": async () => {
    await control("DELETE", "/_emu/faults");
    const kept = process.env.AWS_WEB_IDENTITY_TOKEN_FILE;
    try {
      await control("POST", "/_emu/clock", { advance: "-57m" });
      const { token } = await control("POST", "/_emu/tokens", { serviceAccount: "your-namespace/your-service-account" });
      process.env.AWS_WEB_IDENTITY_TOKEN_FILE = "token-of-the-past";
      await writeFile("token-of-the-past", token);
      const sts = new STSClient({});
      const first = await sts.config.credentials();
      await control("POST", "/_emu/clock", { reset: true });
      await sts.send(new GetCallerIdentityCommand({}));
      // It goes on with the old ones while it renews them.
      let second = first;
      for (let i = 0; i < 100 && second.accessKeyId === first.accessKeyId; i++) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        second = await sts.config.credentials();
      }
      const third = await sts.config.credentials();
      assert.notEqual(first.accessKeyId, second.accessKeyId, "the credentials were not refreshed");
      assert.equal(second.accessKeyId, third.accessKeyId, "fresh credentials were refreshed");
    } finally {
      process.env.AWS_WEB_IDENTITY_TOKEN_FILE = kept;
      await control("POST", "/_emu/clock", { reset: true });
    }
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
