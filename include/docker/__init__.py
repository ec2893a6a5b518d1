"""The stack in containers: what the image of docker-compose.yaml runs, with settings read as in the local stack."""
