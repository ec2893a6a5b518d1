"""Entry points of the image of docker-compose.yaml; settings resolve as in the local stack."""
