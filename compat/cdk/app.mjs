// The ways in which CDK apps make roles for web identities, a stack each.
import { App, CfnJson, CfnOutput, CfnParameter, Fn, Stack } from 'aws-cdk-lib';
import * as eks from 'aws-cdk-lib/aws-eks';
import * as eks2 from 'aws-cdk-lib/aws-eks-v2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { KubectlV33Layer } from '@aws-cdk/lambda-layer-kubectl-v33';

const app = new App({ analyticsReporting: false });
const account = '111122223333';
const region = 'us-west-2';
const issuer = 'oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE';
const stack = (name) => new Stack(app, name, { env: { account, region } });
// A network needs zones, which the CDK asks the account for unless there is none.
const anywhere = (name) => new Stack(app, name);

{ // A cluster of the stack, its service accounts, manifests and charts.
  const s = anywhere('Cluster');
  const cluster = new eks.Cluster(s, 'Cluster', { clusterName: 'shop', version: eks.KubernetesVersion.V1_33, kubectlLayer: new KubectlV33Layer(s, 'Kubectl'), defaultCapacity: 0 });
  const api = cluster.addServiceAccount('Api', { name: 'api', namespace: 'payments' });
  new s3.Bucket(s, 'Reports', { bucketName: 'reports-of-the-cdk' }).grantRead(api);
  cluster.addServiceAccount('Unnamed', { namespace: 'payments' });
  cluster.addManifest('Workload', {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'api', namespace: 'payments' },
    spec: { template: { spec: { serviceAccountName: 'api', containers: [{ name: 'api', image: 'api' }] } } },
  });
  new iam.Role(s, 'Typo', { roleName: 'typo', assumedBy: new iam.FederatedPrincipal(cluster.openIdConnectProvider.openIdConnectProviderArn, {
    StringEquals: new CfnJson(s, 'TypoConditions', { value: { [`${cluster.clusterOpenIdConnectIssuer}:sub`]: 'system:serviceaccounts:payments:api' } }),
  }, 'sts:AssumeRoleWithWebIdentity') });
}

{ // A cluster that is there already.
  const s = stack('Imported');
  const cluster = eks.Cluster.fromClusterAttributes(s, 'Cluster', {
    clusterName: 'old-shop', kubectlRoleArn: `arn:aws:iam::${account}:role/kubectl`, kubectlLayer: new KubectlV33Layer(s, 'Kubectl'),
    openIdConnectProvider: iam.OpenIdConnectProvider.fromOpenIdConnectProviderArn(s, 'Provider', `arn:aws:iam::${account}:oidc-provider/${issuer}`),
  });
  cluster.addServiceAccount('Worker', { name: 'worker', namespace: 'jobs' });
}

{ // GitHub's provider, by the custom resource and by CloudFormation's own type.
  const s = stack('GitHub');
  const provider = new iam.OpenIdConnectProvider(s, 'Provider', { url: 'https://token.actions.githubusercontent.com', clientIds: ['sts.amazonaws.com'] });
  new iam.Role(s, 'Deploy', { roleName: 'deploy', assumedBy: new iam.OpenIdConnectPrincipal(provider, {
    StringEquals: { 'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com' },
    StringLike: { 'token.actions.githubusercontent.com:sub': ['repo:octo-org/octo-repo:ref:refs/heads/main', 'repo:octo-org@*/octo-repo@*:ref:refs/heads/main'] },
  }) });
  const native = new iam.OidcProviderNative(s, 'Native', { url: 'https://oidc.circleci.com/org/0b1d3c6e-5a52-4f0e-9d0a-4c7a9f1e2b3c', clientIds: ['0b1d3c6e-5a52-4f0e-9d0a-4c7a9f1e2b3c'], thumbprints: ['9e99a48a9960b14926bb7f3b02e22da2b0ab7280'] });
  new iam.Role(s, 'Build', { roleName: 'build', assumedBy: new iam.WebIdentityPrincipal(native.oidcProviderArn, {
    StringEquals: { 'oidc.circleci.com/org/0b1d3c6e-5a52-4f0e-9d0a-4c7a9f1e2b3c:aud': '0b1d3c6e-5a52-4f0e-9d0a-4c7a9f1e2b3c' },
    StringLike: { 'oidc.circleci.com/org/0b1d3c6e-5a52-4f0e-9d0a-4c7a9f1e2b3c:sub': 'org/0b1d3c6e-5a52-4f0e-9d0a-4c7a9f1e2b3c/project/5f1e6c9a-3d2b-4c8f-8a7e-6b5d4c3b2a19/user/*' },
  }) });
  new CfnOutput(s, 'ProviderArn', { value: provider.openIdConnectProviderArn, exportName: 'github-provider' });
}

{ // Issuers that AWS knows by itself.
  const s = stack('BuiltIn');
  new iam.Role(s, 'Google', { roleName: 'google', assumedBy: new iam.WebIdentityPrincipal('accounts.google.com', {
    StringEquals: { 'accounts.google.com:aud': '112233445566778899001', 'accounts.google.com:oaud': 'sts.amazonaws.com' },
  }) });
  new iam.Role(s, 'Pool', { roleName: 'pool', assumedBy: new iam.FederatedPrincipal('cognito-identity.amazonaws.com', {
    'StringEquals': { 'cognito-identity.amazonaws.com:aud': 'us-west-2:6d7e8f9a-0b1c-4d2e-8f3a-f70819203142' },
    'ForAnyValue:StringLike': { 'cognito-identity.amazonaws.com:amr': 'authenticated' },
  }, 'sts:AssumeRoleWithWebIdentity') });
}

{ // Conditions whose keys are known at the deployment only, and another stack's export.
  const s = stack('Parameters');
  const host = new CfnParameter(s, 'Issuer').valueAsString;
  const conditions = new CfnJson(s, 'ConditionJson', { value: { [`${host}:aud`]: 'sts.amazonaws.com', [`${host}:sub`]: 'system:serviceaccount:payments:api' } });
  new iam.Role(s, 'Api', { roleName: 'api-by-parameter', assumedBy: new iam.WebIdentityPrincipal(`arn:aws:iam::${account}:oidc-provider/${host}`, { StringEquals: conditions }) });
  new iam.Role(s, 'Deploy', { roleName: 'deploy-by-import', assumedBy: new iam.WebIdentityPrincipal(Fn.importValue('github-provider'), {
    StringEquals: { 'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com', 'token.actions.githubusercontent.com:sub': 'repo:octo-org/octo-repo:environment:production' },
  }) });
}

{ // EKS Pod Identity, by the second construct library of EKS and by hand.
  const s = anywhere('PodIdentity');
  const cluster = new eks2.Cluster(s, 'Cluster', { clusterName: 'new-shop', version: eks2.KubernetesVersion.V1_33, kubectlProviderOptions: { kubectlLayer: new KubectlV33Layer(s, 'Kubectl') }, defaultCapacityType: eks2.DefaultCapacityType.NODEGROUP, defaultCapacity: 0 });
  cluster.addServiceAccount('Irsa', { name: 'irsa', namespace: 'payments', identityType: eks2.IdentityType.IRSA });
  cluster.addServiceAccount('Pod', { name: 'pod', namespace: 'payments', identityType: eks2.IdentityType.POD_IDENTITY });
  const role = new iam.Role(s, 'Batch', { roleName: 'batch', assumedBy: new iam.SessionTagsPrincipal(new iam.ServicePrincipal('pods.eks.amazonaws.com')) });
  new eks.CfnPodIdentityAssociation(s, 'Association', { clusterName: cluster.clusterName, namespace: 'jobs', serviceAccount: 'batch', roleArn: role.roleArn });
  cluster.addManifest('Jobs', {
    apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'batch', namespace: 'jobs' },
    spec: { schedule: '@daily', jobTemplate: { spec: { template: { spec: { serviceAccountName: 'batch', containers: [{ name: 'batch', image: 'batch' }] } } } } },
  });
}
