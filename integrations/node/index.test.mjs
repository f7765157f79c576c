// SPDX-License-Identifier: Apache-2.0
// Needs irsa-emu on PATH or in IRSA_EMU, and for the clients @aws-sdk/client-{sts,secrets-manager,s3}.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { IrsaEmuError, findBinary, start } from "./index.mjs";

const issuer = "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE";
const role = "arn:aws:iam::111122223333:role/payments";
const folder = mkdtempSync(join(tmpdir(), "irsa-emu-test-"));
const trust = {
  Version: "2012-10-17",
  Statement: [{
    Effect: "Allow",
    Principal: { Federated: `arn:aws:iam::111122223333:oidc-provider/${issuer}` },
    Action: "sts:AssumeRoleWithWebIdentity",
    Condition: { StringEquals: { [`${issuer}:sub`]: "system:serviceaccount:payments:api" } },
  }],
};
const rights = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: ["secretsmanager:GetSecretValue", "s3:*"], Resource: "*" }] };
writeFileSync(join(folder, "trust.json"), JSON.stringify(trust));
const stateFile = join(folder, "state.json");
const document = (account) => ({ apiVersion: "irsa-emu.dev/v1", kind: "State", accounts: { 111122223333: account } });
writeFileSync(stateFile, JSON.stringify({
  ...document({
    oidcProviders: [{ url: `https://${issuer}`, clientIDs: ["sts.amazonaws.com"] }],
    roles: [{ name: "payments", trustPolicy: { file: "trust.json" }, inlinePolicies: { rights } }],
    secrets: [{ name: "payments/db", region: "us-west-2", value: "open sesame" }],
    buckets: [{ name: "reports" }],
  }),
  clusters: { prod: { issuer: `https://${issuer}`, region: "us-west-2", account: "111122223333" } },
}));

const sdk = await Promise.all(["sts", "secrets-manager", "s3"].map((name) => import(`@aws-sdk/client-${name}`)))
  .then((modules) => Object.assign({}, ...modules), () => undefined);
const clients = sdk ? {} : { skip: "there is no @aws-sdk/client-sts, client-secrets-manager and client-s3 here" };

let emulator;
before(async () => (emulator = await start({ state: stateFile, region: "us-west-2" })));
afterEach(() => emulator.reset());
after(async () => {
  await emulator.stop();
  rmSync(folder, { recursive: true });
});

test("a client has the pod's credentials", clients, async () => {
  const config = emulator.podConfig("payments/api", role);
  const who = await new sdk.STSClient(config).send(new sdk.GetCallerIdentityCommand({}));
  assert.match(who.Arn, /^arn:aws:sts::111122223333:assumed-role\/payments\//);
  const secret = await new sdk.SecretsManagerClient(config).send(new sdk.GetSecretValueCommand({ SecretId: "payments/db" }));
  assert.equal(secret.SecretString, "open sesame");
  const s3 = new sdk.S3Client(config);
  await s3.send(new sdk.PutObjectCommand({ Bucket: "reports", Key: "a.txt", Body: "hello" }));
  const object = await s3.send(new sdk.GetObjectCommand({ Bucket: "reports", Key: "a.txt" }));
  assert.equal(await object.Body.transformToString(), "hello");
});

test("credentials are asked for again when they expire", clients, async () => {
  const provider = emulator.credentials("payments/api", role);
  const first = await provider();
  assert.ok(first.expiration > new Date(Date.now() + 50 * 60_000) && first.expiration < new Date(Date.now() + 61 * 60_000), String(first.expiration));
  const assumed = async () => (await emulator.decisions()).filter((d) => d.action === "AssumeRoleWithWebIdentity").length;
  const twice = async (credentials) => {
    const client = new sdk.STSClient({ ...emulator.podConfig("payments/api", role), credentials });
    for (let n = 0; n < 2; n++) await client.send(new sdk.GetCallerIdentityCommand({}));
  };
  await emulator.reset();
  await twice(provider);
  assert.equal(await assumed(), 1);
  await twice(async () => ({ ...(await provider()), expiration: new Date(Date.now() + 1000) }));
  assert.ok((await assumed()) >= 3, `${await assumed()} sessions`);
});

test("a refusal is explained", clients, async () => {
  const refused = await new sdk.STSClient(emulator.podConfig("other/api", role)).send(new sdk.GetCallerIdentityCommand({})).catch((error) => error);
  assert.equal(refused.name, "AccessDenied");
  assert.equal(refused.message, "Not authorized to perform sts:AssumeRoleWithWebIdentity");
  const text = await emulator.explain(refused);
  assert.match(text, /got {5}"system:serviceaccount:other:api"/);
  assert.equal(await emulator.explain(), text);
  assert.equal((await emulator.decisions({ outcome: "refused" })).length, 1);
});

test("a program in the pod's environment", clients, async () => {
  const code = `import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
console.log((await new STSClient({}).send(new GetCallerIdentityCommand({}))).Arn);`;
  process.env.AWS_PROFILE = "none";
  const env = await emulator.podEnv("payments/api", role);
  delete process.env.AWS_PROFILE;
  const out = execFileSync(process.execPath, ["--no-warnings", "--input-type=module", "-e", code], { env, encoding: "utf8", cwd: import.meta.dirname ?? "." });
  assert.match(out, /:assumed-role\/payments\//);
});

test("the environment is that of irsa-emu exec", async () => {
  const shell = { ...process.env, AWS_PROFILE: "x", AWS_ENDPOINT_URL_SQS: "x", AWS_CONTAINER_CREDENTIALS_FULL_URI: "x", AWS_SSO_X: "x", BOTO_CONFIG: "x", AWS_PAGER: "x", NO_PROXY: "example.com" };
  const before = { ...process.env };
  Object.assign(process.env, shell);
  const ours = await emulator.podEnv("payments/api", role);
  for (const name of Object.keys(shell)) if (!(name in before)) delete process.env[name];
  const args = ["exec", "--url", emulator.url, "--service-account", "payments/api", "--role", role, "--", process.execPath, "-p", "JSON.stringify(process.env)"];
  const theirs = JSON.parse(execFileSync(findBinary(), args, { env: shell, encoding: "utf8" }));
  const pick = (env) => Object.fromEntries(Object.entries(env)
    .filter(([name]) => /^(AWS_|BOTO|no_proxy$|NO_PROXY$)/.test(name) && name !== "AWS_ROLE_SESSION_NAME")
    .map(([name, value]) => [name, name.endsWith("_FILE") ? "" : value]));
  assert.deepEqual(pick(ours), pick(theirs));
});

test("the administrator of any account", clients, async () => {
  const who = await new sdk.STSClient(emulator.adminConfig({ account: "444455556666" })).send(new sdk.GetCallerIdentityCommand({}));
  assert.equal(who.Account, "444455556666");
  assert.equal(emulator.adminEnv().AWS_ACCESS_KEY_ID, "111122223333");
});

test("load and reset", async () => {
  const names = async () => ((await emulator.state()).accounts["111122223333"].secrets ?? []).map((s) => s.name).sort();
  await emulator.load(document({ secrets: [{ name: "more", value: "v" }] }));
  assert.deepEqual(await names(), ["more", "payments/db"]);
  await emulator.reset();
  assert.deepEqual(await names(), ["payments/db"]);
});

test("faults", clients, async () => {
  await emulator.fault({ match: { service: "secretsmanager" }, fault: { code: "InternalServiceError", status: 500, message: "not today" } });
  const client = new sdk.SecretsManagerClient({ ...emulator.podConfig("payments/api", role), maxAttempts: 1 });
  await assert.rejects(client.send(new sdk.GetSecretValueCommand({ SecretId: "payments/db" })), /not today/);
  await emulator.clearFaults();
  await client.send(new sdk.GetSecretValueCommand({ SecretId: "payments/db" }));
});

test("token files follow the clock", async () => {
  const { AWS_WEB_IDENTITY_TOKEN_FILE: file } = await emulator.podEnv("payments/api", role);
  const first = readFileSync(file, "utf8");
  await emulator.clock.advance("25h");
  assert.notEqual(readFileSync(file, "utf8"), first);
  await emulator.clock.set(new Date("2030-01-01T00:00:00Z"));
  assert.equal((await emulator.clock.now()).getUTCFullYear(), 2030);
});

describe("what is wrong is said", () => {
  const says = (text) => (error) => error instanceof IrsaEmuError && error.message.includes(text);
  test("no binary", async () => {
    await assert.rejects(start({ binary: "/nowhere/irsa-emu" }), says("the binary that was named, /nowhere/irsa-emu, is not a program that can be run. Build it"));
    const { PATH, IRSA_EMU } = process.env;
    process.env.PATH = folder;
    delete process.env.IRSA_EMU;
    await assert.rejects(start(), says("There is no irsa-emu on PATH. Build it"));
    process.env.PATH = PATH;
    if (IRSA_EMU) process.env.IRSA_EMU = IRSA_EMU;
  });
  test("a bad state", async () => {
    await assert.rejects(start({ state: { ...document({ role: [] }) } }), says('unknown field "role"'));
    await assert.rejects(start({ state: join(folder, "none.yaml") }), says("none.yaml"));
    await assert.rejects(emulator.load(join(folder, "none.yaml")), says("none.yaml"));
    await assert.rejects(emulator.load(document({ role: [] })), says("irsa-emu answers 400"));
  });
  test("a bad pod", async () => {
    await assert.rejects(emulator.podEnv(role, "payments/api"), says("the other way round"));
    await assert.rejects(emulator.podEnv("payments", role), says('service account "payments": write NAMESPACE/NAME'));
    assert.throws(() => emulator.credentials("payments/api", "payments"), says('role "payments": write its ARN'));
    await assert.rejects(emulator.explain(new Error("x")), says("carries no request id"));
  });
});

test("one that runs already is used and left running", async () => {
  const second = await start({ url: emulator.url });
  await second.stop();
  assert.ok(await emulator.clock.now());
});

test("it ends with its process, and so do its files; stop removes them too", async () => {
  const code = `import { start } from ${JSON.stringify(new URL("./index.mjs", import.meta.url).href)};
const emulator = await start();
console.log(emulator.url, emulator.adminEnv().AWS_CONFIG_FILE);`;
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", code], { encoding: "utf8" });
  assert.equal(child.status, 0, child.stderr);
  const [url, left] = child.stdout.trim().split(" ");
  assert.ok(!existsSync(left));
  for (let n = 0; ; n++) {
    if (await fetch(url).then(() => false, () => true)) break;
    assert.ok(n < 6000, "it still answers");
    await new Promise((done) => setTimeout(done, 10));
  }
  const other = await start();
  const file = other.adminEnv().AWS_CONFIG_FILE;
  await other.stop();
  await other.stop();
  assert.ok(!existsSync(file));
});
