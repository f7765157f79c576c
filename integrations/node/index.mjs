// SPDX-License-Identifier: Apache-2.0
// irsa-emu in Node tests: its process, its control API, and what pods and administrators have of it.
import { spawn, spawnSync } from "node:child_process";
import { constants, accessSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";

const startMilliseconds = 30_000;
const stopMilliseconds = 10_000;
const howToGetIt =
  "Build it in a checkout of irsa-emu with Go 1.26 or newer (make build makes bin/irsa-emu), " +
  "and put it on PATH or name the file in the environment variable IRSA_EMU.";

/** What keeps irsa-emu from being of use: what is wrong, and what to do. */
export class IrsaEmuError extends Error {
  name = "IrsaEmuError";
}

/** The path of the program: the one named, else that of $IRSA_EMU, else irsa-emu on PATH. */
export function findBinary(named) {
  const wanted = named || process.env.IRSA_EMU;
  if (wanted) {
    const found = runnable(wanted.includes("/") ? [resolve(wanted)] : onPath(wanted));
    if (found) return found;
    throw new IrsaEmuError(`${named ? "the binary that was named" : "$IRSA_EMU"}, ${wanted}, is not a program that can be run. ${howToGetIt}`);
  }
  const found = runnable(onPath("irsa-emu"));
  if (!found) throw new IrsaEmuError(`There is no irsa-emu on PATH. ${howToGetIt}`);
  return found;
}

const onPath = (name) => (process.env.PATH ?? "").split(delimiter).filter(Boolean).map((folder) => join(folder, name));

function runnable(files) {
  return files.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return statSync(file).isFile();
    } catch {
      return false;
    }
  });
}

// Folders of emulators that nobody has stopped: they end with this process.
const folders = new Set();
process.once("exit", () => folders.forEach(removeFolder));

function removeFolder(folder) {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}

/**
 * Runs an emulator on a free loopback port. It ends with stop(), and with this process.
 * With url none is started: the one that runs there is used, and stop() leaves it running.
 */
export async function start({ state = [], binary, region, account, args = [], url, controlToken } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "irsa-emu-"));
  folders.add(folder);
  const documents = Array.isArray(state) ? state : [state];
  try {
    if (url) {
      const emulator = await Emulator.at({ url, controlToken, binary, folder });
      await emulator.load(...documents);
      return emulator;
    }
    const program = findBinary(binary);
    const command = ["serve", "--parent-death", "--listen", "127.0.0.1:0", "--ready-file", join(folder, "ready.json"), "--data-dir", join(folder, "data")];
    documents.forEach((document, n) => command.push("--given", fileOf(document, join(folder, `state-${n}.json`))));
    if (region) command.push("--region", region);
    if (account) command.push("--account", account);
    const child = await serve(program, [...command, ...args], folder);
    return await Emulator.at({ url: child.url, binary: program, folder, child: child.process });
  } catch (error) {
    removeFolder(folder);
    throw error;
  }
}

/** Starts the process and waits until it is ready. */
function serve(program, args, folder) {
  return new Promise((done, failed) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    const end = () => child.kill("SIGTERM"); // this process ends: so does the emulator
    process.once("exit", end);
    child.once("exit", () => process.removeListener("exit", end));
    let log = "";
    child.stderr.on("data", (text) => (log = (log + text).slice(-20_000)));
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      failed(new IrsaEmuError(`irsa-emu was not ready after ${startMilliseconds / 1000} s:\n${log}`));
    }, startMilliseconds);
    child.once("error", (error) => {
      clearTimeout(timer);
      failed(new IrsaEmuError(`${program}: ${error.message}`));
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      failed(new IrsaEmuError(`irsa-emu ended with ${signal ?? `exit code ${code}`} before it was ready:\n${log}`));
    });
    child.stdout.once("data", () => { // the one line that says that it serves
      clearTimeout(timer);
      const { url } = JSON.parse(readFileSync(join(folder, "ready.json"), "utf8"));
      // A test runner that is through must not wait for the emulator.
      for (const handle of [child, child.stdout, child.stderr]) handle.unref();
      done({ url, process: child });
    });
  });
}

/** One irsa-emu, from start(). Roles are ARNs, service accounts NAMESPACE/NAME, durations "90s" or "2h". */
export class Emulator {
  #controlToken;
  #binary;
  #folder;
  #child;
  #tokens = new Map();

  /** Use start(). */
  static async at({ url, controlToken, binary, folder, child }) {
    const emulator = new Emulator();
    emulator.url = url.replace(/\/+$/, "");
    emulator.#controlToken = controlToken;
    emulator.#binary = binary;
    emulator.#folder = folder;
    emulator.#child = child;
    ({ account: emulator.account, region: emulator.region } = await emulator.#call("GET", "/_emu/info"));
    return emulator;
  }

  clock = {
    /** The emulator's time. */
    now: async () => new Date((await this.#call("GET", "/_emu/clock")).now),
    /** Moves the clock by a duration; pods' token files are written anew. */
    advance: (by) => this.#moveClock({ advance: by }),
    /** Sets the clock, which runs on from there. */
    set: (to) => this.#moveClock({ set: to instanceof Date ? to.toISOString() : to }),
    /** Goes back to the real time. */
    reset: () => this.#moveClock({ reset: true }),
  };

  async #moveClock(change) {
    await this.#call("POST", "/_emu/clock", change);
    await this.#writeTokens();
  }

  /** Ends the emulator, and removes the token files. More calls do nothing. */
  async stop() {
    const child = this.#child;
    this.#child = undefined;
    if (child && child.exitCode === null && child.signalCode === null) {
      await new Promise((done) => {
        child.ref();
        const timer = setTimeout(() => child.kill("SIGKILL"), stopMilliseconds);
        child.once("exit", () => {
          clearTimeout(timer);
          done();
        });
        child.kill("SIGTERM");
      });
    }
    removeFolder(this.#folder);
  }

  async [Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]() {
    await this.stop();
  }

  // State

  /** Merges State documents into the state: objects, or paths of whatever `serve --given` takes. */
  async load(...documents) {
    for (const document of documents) {
      if (typeof document !== "string") {
        await this.#call("POST", "/_emu/state", document);
        continue;
      }
      // The program reads the other formats, and the files that a document names.
      const args = ["state", "load", document, "--url", this.url, ...(this.#controlToken ? ["--control-token", this.#controlToken] : [])];
      const done = spawnSync(findBinary(this.#binary), args, { encoding: "utf8" });
      if (done.status !== 0) throw new IrsaEmuError((done.error?.message ?? done.stderr).trim());
    }
  }

  /** The whole state, as a State document. It holds private keys and secrets. */
  async state() {
    return this.#call("GET", "/_emu/state");
  }

  /** Goes back to the state of the start; with an account only that account's does. */
  async reset(account) {
    await this.#call("DELETE", `/_emu/state${query({ account })}`);
    await this.#writeTokens();
  }

  // Pods and administrators

  /** Signs a token; options are the members of POST /_emu/tokens. */
  async token(serviceAccount, options = {}) {
    return (await this.#call("POST", "/_emu/tokens", { serviceAccount, ...options })).token;
  }

  /** The environment of a pod of a service account whose annotation names the role, for child processes and runners. */
  async podEnv(serviceAccount, role, { region } = {}) {
    checkPod(serviceAccount, role);
    const file = join(mkdtempSync(join(this.#folder, "pod-")), "token");
    writeFileSync(file, await this.token(serviceAccount), { mode: 0o600 });
    this.#tokens.set(file, serviceAccount);
    return { ...this.#pointed(region), AWS_ROLE_ARN: role, AWS_WEB_IDENTITY_TOKEN_FILE: file };
  }

  /** The environment of an account's administrator, who may do everything in it. */
  adminEnv({ account = this.account, region, secret = "test" } = {}) {
    return { ...this.#pointed(region), AWS_ACCESS_KEY_ID: account, AWS_SECRET_ACCESS_KEY: secret };
  }

  /** A credential provider for clients of the AWS SDK v3: a pod's, assumed when first needed and again when they expire. */
  credentials(serviceAccount, role) {
    checkPod(serviceAccount, role);
    return async () => {
      const form = new URLSearchParams({
        Action: "AssumeRoleWithWebIdentity",
        Version: "2011-06-15",
        RoleArn: role,
        RoleSessionName: `node-${process.pid}`,
        WebIdentityToken: await this.token(serviceAccount),
      });
      const answer = await fetch(this.url, { method: "POST", body: form, headers: { Accept: "application/json" } });
      const body = await answer.json();
      if (!answer.ok) {
        const error = new Error(body.Error?.Message ?? JSON.stringify(body));
        throw Object.assign(error, { name: body.Error?.Code ?? "Error", $metadata: { requestId: body.RequestId, httpStatusCode: answer.status } });
      }
      const issued = body.AssumeRoleWithWebIdentityResponse.AssumeRoleWithWebIdentityResult.Credentials;
      return {
        accessKeyId: issued.AccessKeyId,
        secretAccessKey: issued.SecretAccessKey,
        sessionToken: issued.SessionToken,
        expiration: typeof issued.Expiration === "number" ? new Date(issued.Expiration * 1000) : new Date(issued.Expiration),
      };
    };
  }

  /** The settings of a client in a pod: new S3Client(emulator.podConfig(serviceAccount, role)). */
  podConfig(serviceAccount, role, { region = this.region } = {}) {
    return { region, endpoint: this.url, credentials: this.credentials(serviceAccount, role) };
  }

  /** The settings of an administrator's client. */
  adminConfig({ account = this.account, region = this.region, secret = "test" } = {}) {
    return { region, endpoint: this.url, credentials: { accessKeyId: account, secretAccessKey: secret } };
  }

  #pointed(region = this.region) {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !leadsAstray.test(name)));
    const nowhere = join(this.#folder, "nowhere");
    mkdirSync(nowhere, { recursive: true });
    for (const [file, name] of [["config", "AWS_CONFIG_FILE"], ["credentials", "AWS_SHARED_CREDENTIALS_FILE"]]) {
      env[name] = join(nowhere, file);
      writeFileSync(env[name], "");
    }
    Object.assign(env, { AWS_REGION: region, AWS_DEFAULT_REGION: region, AWS_STS_REGIONAL_ENDPOINTS: "regional", AWS_EC2_METADATA_DISABLED: "true" });
    // Some clients read only a service's own.
    for (const service of ["", "_STS", "_IAM", "_EKS", "_S3", "_SECRETS_MANAGER"]) env[`AWS_ENDPOINT_URL${service}`] = this.url;
    for (const name of ["NO_PROXY", "no_proxy"]) env[name] = [process.env[name], new URL(this.url).hostname].filter(Boolean).join(",");
    return env;
  }

  /** Writes the pods' token files anew, as the kubelet does when time passes. */
  async #writeTokens() {
    for (const [file, serviceAccount] of this.#tokens) {
      writeFileSync(`${file}.new`, await this.token(serviceAccount), { mode: 0o600 });
      renameSync(`${file}.new`, file);
    }
  }

  // Faults and decisions

  /** Makes matching calls fail, or wait: { match, fault, times } as POST /_emu/faults takes them. */
  async fault(fault) {
    await this.#call("POST", "/_emu/faults", fault);
  }

  /** Takes all faults back. */
  async clearFaults() {
    await this.#call("DELETE", "/_emu/faults");
  }

  /** What was decided about recent calls, newest first; outcome is allowed, refused or failed. */
  async decisions({ outcome, limit } = {}) {
    return (await this.#call("GET", `/_emu/decisions${query({ outcome, limit })}`)).decisions;
  }

  /** Why a call was answered as it was, in words: that of an SDK's error or answer, or of a request id; else the last that was not allowed. */
  async explain(call) {
    const id = call === undefined ? (await this.decisions()).find((d) => d.outcome !== "allowed")?.requestId : requestId(call);
    if (id === undefined) return "No call was refused so far, and none failed.";
    return this.#call("GET", `/_emu/decisions/${encodeURIComponent(id)}`, undefined, "text/plain");
  }

  async #call(method, path, body, accept = "application/json") {
    const headers = { Accept: accept };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (this.#controlToken) headers.Authorization = `Bearer ${this.#controlToken}`;
    let answer;
    try {
      answer = await fetch(this.url + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    } catch (error) {
      throw new IrsaEmuError(`no irsa-emu answers at ${this.url}: ${error.cause?.message ?? error.message}`, { cause: error });
    }
    const text = await answer.text();
    if (!answer.ok) throw new IrsaEmuError(`irsa-emu answers ${answer.status}: ${errorOf(text)}`);
    return text && accept === "application/json" ? JSON.parse(text) : text;
  }
}

// What would lead an SDK away from the pod or the emulator: the names that irsa-emu exec drops.
const leadsAstray = new RegExp(
  "^(AWS_(ACCESS_KEY_ID|ACCESS_KEY|SECRET_ACCESS_KEY|SECRET_KEY|SESSION_TOKEN|SECURITY_TOKEN|CREDENTIAL_EXPIRATION|CREDENTIAL_FILE" +
    "|ACCOUNT_ID|ACCOUNT_ID_ENDPOINT_MODE|PROFILE|DEFAULT_PROFILE|CONFIG_FILE|SHARED_CREDENTIALS_FILE|ROLE_ARN|ROLE_SESSION_NAME" +
    "|IAM_ROLE_ARN|IAM_ROLE_SESSION_NAME|WEB_IDENTITY_TOKEN_FILE|REGION|DEFAULT_REGION|STS_REGIONAL_ENDPOINTS" +
    "|IGNORE_CONFIGURED_ENDPOINT_URLS|USE_FIPS_ENDPOINT|USE_DUALSTACK_ENDPOINT)$" +
    "|AWS_(ENDPOINT_URL|CONTAINER_|EC2_METADATA_|BEARER_TOKEN_|SSO_)|BOTO_CONFIG$)",
);

function checkPod(serviceAccount, role) {
  if (!/^[^/]+\/[^/]+$/.test(serviceAccount ?? "") || serviceAccount.startsWith("arn:")) {
    const swapped = String(serviceAccount).startsWith("arn:") ? " (role and service account are the other way round)" : "";
    throw new IrsaEmuError(`service account ${JSON.stringify(serviceAccount)}: write NAMESPACE/NAME${swapped}`);
  }
  if (!/^arn:.*:role\//.test(role ?? "")) {
    throw new IrsaEmuError(`role ${JSON.stringify(role)}: write its ARN, such as arn:aws:iam::111122223333:role/app`);
  }
}

function requestId(call) {
  const id = typeof call === "string" ? call : call?.$metadata?.requestId ?? call?.cause?.$metadata?.requestId;
  if (!id) throw new IrsaEmuError("that carries no request id; write an SDK's error or answer, or a request id");
  return id;
}

function fileOf(document, file) {
  if (typeof document === "string") return document;
  writeFileSync(file, JSON.stringify(document));
  return file;
}

function errorOf(text) {
  try {
    return JSON.parse(text).error ?? text;
  } catch {
    return text;
  }
}

function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}
