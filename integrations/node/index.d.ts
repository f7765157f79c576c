// SPDX-License-Identifier: Apache-2.0
/** A State document, or the path of whatever `irsa-emu serve --given` takes. */
export type State = string | Record<string, unknown>;

export interface StartOptions {
  /** What the emulator starts from, and reset() goes back to. */
  state?: State | State[];
  /** The program. Default: $IRSA_EMU, else irsa-emu on PATH. */
  binary?: string;
  region?: string;
  /** The default account, twelve digits. */
  account?: string;
  /** Further flags of `irsa-emu serve`. */
  args?: string[];
  /** Use the emulator that runs there, and start none. */
  url?: string;
  /** Its control token, where it listens beyond loopback. */
  controlToken?: string;
}

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  expiration?: Date;
}

export interface ClientConfig<C> {
  region: string;
  endpoint: string;
  credentials: C;
}

export interface FaultRequest {
  match?: { service?: string; action?: string; role?: string };
  fault: { code?: string; status?: number; message?: string; latency?: string; dropConnection?: boolean; [member: string]: unknown };
  times?: number;
}

/** What was decided about one call; docs/control-api.md has the members. */
export interface Decision {
  requestId: string;
  outcome: "allowed" | "refused" | "failed";
  service: string;
  action: string;
  [member: string]: unknown;
}

export interface TokenOptions {
  issuer?: string;
  subject?: string;
  audience?: string[];
  expiresInSeconds?: number;
  claims?: Record<string, unknown>;
  pod?: string;
  profile?: string;
}

export class IrsaEmuError extends Error {}

export function findBinary(named?: string): string;

export function start(options?: StartOptions): Promise<Emulator>;

/** One irsa-emu. Roles are ARNs, service accounts NAMESPACE/NAME, durations "90s" or "2h". */
export class Emulator {
  private constructor();
  readonly url: string;
  readonly account: string;
  readonly region: string;
  readonly clock: {
    now(): Promise<Date>;
    advance(by: string): Promise<void>;
    set(to: Date | string): Promise<void>;
    reset(): Promise<void>;
  };
  stop(): Promise<void>;
  load(...documents: State[]): Promise<void>;
  state(): Promise<Record<string, unknown>>;
  reset(account?: string): Promise<void>;
  token(serviceAccount?: string, options?: TokenOptions): Promise<string>;
  podEnv(serviceAccount: string, role: string, options?: { region?: string }): Promise<Record<string, string>>;
  adminEnv(options?: { account?: string; region?: string; secret?: string }): Record<string, string>;
  credentials(serviceAccount: string, role: string): () => Promise<Required<Credentials>>;
  podConfig(serviceAccount: string, role: string, options?: { region?: string }): ClientConfig<() => Promise<Required<Credentials>>>;
  adminConfig(options?: { account?: string; region?: string; secret?: string }): ClientConfig<Credentials>;
  fault(fault: FaultRequest): Promise<void>;
  clearFaults(): Promise<void>;
  decisions(options?: { outcome?: "allowed" | "refused" | "failed"; limit?: number }): Promise<Decision[]>;
  explain(call?: unknown): Promise<string>;
}
