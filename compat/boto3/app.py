import boto3
import os

def get_secret():
    client = boto3.client('secretsmanager', region_name='us-west-2')
    secret_name = "your-secret-name"
    response = client.get_secret_value(SecretId=secret_name)
    secret = response['SecretString']
    print(f"Secret: {secret}")

if __name__ == "__main__":
    get_secret()
