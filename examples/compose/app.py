"""An app as it runs on EKS: nothing in it knows of an emulator."""
import boto3
from botocore.exceptions import ClientError

try:
    print("I am", boto3.client("sts").get_caller_identity()["Arn"])
    secrets = boto3.client("secretsmanager")
    print("the secret is", secrets.get_secret_value(SecretId="app/database")["SecretString"])
    secrets.put_secret_value(SecretId="app/database", SecretString="changed")
except ClientError as error:
    print("refused:", error)
