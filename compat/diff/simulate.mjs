// Answers one JSON request a line with one word a line: how iam-simulate decides.
//
// Its core is called behind the package's entry points: runSimulation refuses
// context keys that its data does not list for the action, so that few operators
// could be tried, and runUnsafeSimulation (0.1.173) fails on resource policies.
import { createInterface } from 'node:readline'
import { loadPolicy } from '@cloud-copilot/iam-policy'

const core = new URL('./node_modules/@cloud-copilot/iam-simulate/dist/esm/', import.meta.url)
const from = (file) => import(new URL(file, core))
const { authorize } = await from('core_engine/CoreSimulatorEngine.js')
const { AwsRequestImpl } = await from('request/request.js')
const { RequestContextImpl } = await from('requestContext.js')
const { DiscoveryContextKeyConstraints } = await from('context_keys/discoveryContextKeyConstraints.js')

const load = ({ name, policy }) => loadPolicy(policy, { name })
const everything = {
  name: 'RCPFullAWSAccess',
  policy: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' }] }
}

function decide({ request, identity, boundary, session, resource }) {
  const { principal, action, contextVariables } = request
  return authorize({
    request: new AwsRequestImpl(principal, request.resource, action, new RequestContextImpl(contextVariables)),
    identityPolicies: identity.map(load),
    permissionBoundaries: boundary && [load(boundary)],
    sessionPolicy: session && load(session),
    resourcePolicy: resource && load(resource),
    serviceControlPolicies: [],
    resourceControlPolicies: [{ orgIdentifier: 'o', policies: [load(everything)] }],
    vpcEndpointPolicies: undefined,
    simulationParameters: { simulationMode: 'Strict', discoveryContextKeyConstraints: new DiscoveryContextKeyConstraints([]) }
  }).result
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer
  try {
    answer = decide(JSON.parse(line))
  } catch (e) {
    answer = `error ${String(e.message).split('\n')[0]}`
  }
  process.stdout.write(answer + '\n')
}
