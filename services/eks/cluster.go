package eks

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/irsa-emu/irsa-emu/api"
	"github.com/irsa-emu/irsa-emu/aws"
	"github.com/irsa-emu/irsa-emu/state"
)

// Cluster is an EKS cluster as DescribeCluster shows it.
type Cluster struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	Name    string `json:"name"`
	// Issuer is the URL of the OIDC issuer of the cluster's service account tokens.
	Issuer  string `json:"issuer"`
	Version string `json:"version"`
	// Endpoint is the URL of the API server.
	Endpoint string `json:"endpoint"`
	// CertificateAuthority is a PEM certificate.
	CertificateAuthority string    `json:"certificateAuthority"`
	RoleARN              string    `json:"roleArn"`
	Created              time.Time `json:"created"`
	Tags                 []aws.Tag `json:"tags,omitempty"`
	ClientRequestToken   string    `json:"clientRequestToken,omitempty"`
	// Config has the members of a cluster's description that CreateCluster was
	// given (resourcesVpcConfig, kubernetesNetworkConfig, …), as they were given.
	Config map[string]json.RawMessage `json:"config,omitempty"`
}

// defaultVersion is the Kubernetes version of a cluster that does not say its own.
const defaultVersion = "1.34"

func clusterKey(account, region, name string) string { return account + "/" + region + "/" + name }

// StateKey is ACCOUNT/REGION/NAME.
func (c *Cluster) StateKey() string { return clusterKey(c.Account, c.Region, c.Name) }

// Check implements [state.Checked].
func (c *Cluster) Check() error { return state.Lacking("issuer", c.Issuer) }

// ARN is arn:aws:eks:REGION:ACCOUNT:cluster/NAME.
func (c *Cluster) ARN() string { return ClusterARN(c.Account, c.Region, c.Name) }

// ClusterARN is the ARN that a cluster has, or would have.
func ClusterARN(account, region, name string) string {
	return aws.EKSClusterARN(region, account, name)
}

func arnOf(account, region, resource string) string {
	return aws.RegionalARN("eks", region, account, resource)
}

// Kinds are the tables that this service keeps in the store.
func Kinds() []state.Kind {
	return []state.Kind{
		{Name: "eks-cluster", Type: (*Cluster)(nil)},
		{Name: "eks-pod-identity", Type: (*Association)(nil)},
		{Name: "eks-access-entry", Type: (*AccessEntry)(nil)},
		{Name: "eks-addon", Type: (*Addon)(nil)},
	}
}

// ClusterByName finds a cluster.
func ClusterByName(r state.Reader, account, region, name string) (*Cluster, bool) {
	return state.Get[*Cluster](r, clusterKey(account, region, name))
}

// complete fills what a cluster has on AWS and a State document does not say.
// What stands for parts that do not exist here (network, role, end point) is
// made of the cluster's ARN, so that it stays the same.
func (c *Cluster) complete() error {
	if c.Version == "" {
		c.Version = defaultVersion
	}
	if c.RoleARN == "" {
		c.RoleARN = c.madeUpRole()
	}
	if c.Endpoint == "" {
		c.Endpoint = c.madeUpEndpoint()
	}
	if c.CertificateAuthority != "" {
		return nil
	}
	var err error
	if c.CertificateAuthority, err = newAuthority(c.Created); err != nil {
		return fmt.Errorf("making the certificate authority of cluster %s: %w", c.Name, err)
	}
	return nil
}

// madeUpRole is the cluster's own role where none is named.
func (c *Cluster) madeUpRole() string {
	return aws.RoleARN(aws.PartitionOf(c.Region).ID, c.Account, "", c.Name+"-cluster-role")
}

// madeUpEndpoint is where the API server of a cluster on AWS would be.
func (c *Cluster) madeUpEndpoint() string {
	id := strings.ToUpper(c.madeUp("id", 32))
	if _, eksID, ok := aws.EKSIssuerParts(c.Issuer); ok {
		id = eksID
	}
	return "https://" + id + ".gr7." + c.Region + ".eks." + aws.PartitionOf(c.Region).DNSSuffix
}

// madeUp is n hexadecimal digits that stand for an id of that use.
func (c *Cluster) madeUp(use string, n int) string {
	sum := sha256.Sum256([]byte(use + " " + c.ARN()))
	return hex.EncodeToString(sum[:])[:n]
}

// newAuthority makes a certificate like the one that kubeconfig files of EKS
// hold. Nothing is ever signed with its key, which is not kept, so that its
// randomness need not be repeatable.
func newAuthority(now time.Time) (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(0), Subject: pkix.Name{CommonName: "kubernetes"},
		NotBefore: now, NotAfter: now.AddDate(10, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign,
		IsCA:     true, BasicConstraintsValid: true, DNSNames: []string{"kubernetes"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), nil
}

// NoCluster is the refusal of a call for a cluster that does not exist; the text is
// AWS's, final period included.
func NoCluster(name string) error {
	f := api.Fail(http.StatusNotFound, "ResourceNotFoundException", "No cluster found for name: %s.", name)
	f.Wire.With("clusterName", name)
	return f
}
