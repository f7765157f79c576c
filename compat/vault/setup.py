"""What an administrator of Vault does once: the AWS auth method, a role of Vault's for a role of AWS's, and a secret."""
import os

from api import vault

URL, TOKEN = os.environ["IRSA_EMU_URL"], os.environ["VAULT_TOKEN"]


def admin(method, path, body=None):
    return vault(method, path, body, TOKEN)


admin("POST", "sys/auth/aws", {"type": "aws"})
admin("POST", "auth/aws/config/client", {
    "access_key": "test", "secret_key": "test",
    "sts_endpoint": URL, "sts_region": "us-west-2", "iam_endpoint": URL,
    "iam_server_id_header_value": "vault.example.com",
})
admin("POST", "auth/aws/config/identity", {"iam_metadata": ["account_id", "canonical_arn"]})
admin("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
admin("PUT", "sys/policies/acl/reader", {"policy": 'path "secret/data/your-secret" { capabilities = ["read"] }'})
for name in ("EKSServiceAccountRole", "AnotherRole"):
    admin("POST", "auth/aws/role/" + name, {
        "auth_type": "iam", "token_policies": "reader",
        "bound_iam_principal_arn": "arn:aws:iam::111122223333:role/" + name,
    })
    role = admin("GET", "auth/aws/role/" + name)["data"]
    assert role["bound_iam_principal_id"][0].startswith("AROA"), role
admin("POST", "secret/data/your-secret", {"data": {"username": "admin", "password": "s3cr3t"}})
