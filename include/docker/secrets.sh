#!/bin/sh
# Add the secrets that docker-compose.yaml requires to .env; existing values are kept.
# Run in the project's folder: sh include/docker/secrets.sh
set -eu
umask 077

file=.env
touch "$file"
chmod 600 "$file"

add() {
    if grep -q "^[[:space:]]*\(export[[:space:]]\{1,\}\)\{0,1\}$1[[:space:]]*=[[:space:]]*[^[:space:]#]" "$file"; then
        return
    fi
    printf '%s=%s\n' "$1" "$2" >>"$file"
    echo "$file: added $1" >&2
}

secret() {
    head -c "$1" /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}

# An edited file may lack its last newline.
if [ -n "$(tail -c 1 "$file")" ]; then
    echo >>"$file"
fi
add POSTGRES_PASSWORD "$(secret 24)"
add REDIS_PASSWORD "$(secret 24)"
add COMETS_UI_PASSWORD "$(secret 8)"
add AIRFLOW__API__SECRET_KEY "$(secret 32)"
add AIRFLOW__API_AUTH__JWT_SECRET "$(secret 32)"
add AIRFLOW__CORE__FERNET_KEY "$(head -c 32 /dev/urandom | base64 | tr '+/' '-_')"
