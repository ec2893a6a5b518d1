#!/bin/sh
# Write the secrets that docker-compose.yaml mounts into the folder "secrets": values of exported variables and of .env,
# kept ones, else new ones. Run it in the project's folder, again after each change of .env:
#
#     sh include/docker/secrets.sh && docker compose up --detach --force-recreate
set -eu
umask 077

folder=secrets
draft="$folder/.draft"
mkdir -p "$folder"
# Only the folder is closed to other users: the containers' users must read the mounted files.
chmod 700 "$folder"
trap 'rm -f "$draft"' EXIT

# Print a variable's assignment: of the exported one in single quotes, else as written in .env.
assignment() {
    if eval "[ -n \"\${$1:-}\" ]"; then
        eval "printf '%s' \"\$$1\"" | sed "s/[\\\\']/\\\\&/g; 1s/^/$1='/; \$s/\$/'/"
        echo
    elif [ -f .env ]; then
        awk -v name="$1" -v single="'" '
            # The rest of a value in quotes that goes on over several lines.
            quote { text = text "\n" $0; rest = $0; if (is_closed(rest)) finish(); next }
            {
                line = $0
                sub(/^[ \t]*(export[ \t]+)?/, "", line)
                if (line !~ /^[A-Za-z_][A-Za-z0-9_]*[ \t]*=/) next
                match(line, /^[A-Za-z0-9_]+/)
                found = substr(line, 1, RLENGTH)
                value = substr(line, RLENGTH + 1)
                sub(/^[ \t]*=[ \t]*/, "", value)
                text = found "=" value
                quote = substr(value, 1, 1)
                if (quote != "\"" && quote != single) { quote = ""; finish(); next }
                rest = substr(value, 2)
                if (is_closed(rest)) finish()
            }
            END { if (kept != "") print kept }
            function is_closed(rest) {
                gsub(/\\./, "", rest)
                return index(rest, quote)
            }
            # The last assignment wins; an empty value counts as not set.
            function finish() {
                if (found == name) kept = text ~ /=([ \t]*#.*|""|\047\047)?[ \t\r]*$/ && text !~ /\n/ ? "" : text
                quote = ""
            }
        ' .env
    fi
}

# Print the plain value of a variable that is a file of its own.
value() {
    text=$(assignment "$1")
    text=${text#"$1="}
    case $text in
    \'*\'* | \"*\"*)
        mark=$(printf '%.1s' "$text")
        text=${text#?}
        text=${text%"$mark"*}
        ;;
    *) text=$(printf '%s' "$text" | sed 's/[[:space:]]\{1,\}#.*//; s/[[:space:]]*$//') ;;
    esac
    case $text in
    *[\\\$\'\"]*)
        echo "$1 in .env has a backslash, a quote or a dollar sign. Write it into $folder/$1 and remove it there." >&2
        exit 1
        ;;
    esac
    printf '%s' "$text"
}

# Replace a file only if its content, from standard input, is another: containers keep the file that they have mounted.
put() {
    cat >"$draft"
    chmod 644 "$draft"
    if ! cmp -s "$draft" "$folder/$1"; then
        mv "$draft" "$folder/$1"
        echo "$folder/$1: written" >&2
    fi
}

random() {
    head -c "$1" /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}

# add NAME NEW: a secret of its own.
add() {
    given=$(value "$1")
    if [ -n "$given" ]; then
        printf '%s' "$given" | put "$1"
    elif [ ! -s "$folder/$1" ]; then
        printf '%s' "$2" | put "$1"
    fi
}

# Print the assignments of variables that a text refers to as ${NAME}, before those that refer to them.
referred() {
    for inner in $(printf '%s\n' "$1" | awk '{
        while (match($0, /\$\{[A-Za-z_][A-Za-z0-9_]*/)) {
            print substr($0, RSTART + 2, RLENGTH - 2)
            $0 = substr($0, RSTART + RLENGTH)
        }
    }'); do
        text=$(assignment "$inner")
        if [ -n "$text" ]; then
            case $text in *"\${$inner"*) ;; *) (referred "$text") ;; esac
            printf '%s\n' "$text"
        fi
    done
}

# settings FILE NAME...: settings that a user gives.
copied=
settings() {
    file=$1
    shift
    for name in "$@"; do
        if [ -n "$(assignment "$name")" ]; then copied="$copied $name"; fi
    done
    for name in "$@"; do
        text=$(assignment "$name")
        if [ -n "$text" ]; then
            (referred "$text")
            printf '%s\n' "$text"
        fi
    done | put "$file"
}

add POSTGRES_PASSWORD "$(random 24)"
add AIRFLOW_METADATA_PASSWORD "$(random 24)"
add COMETS_OWNER_PASSWORD "$(random 24)"
add COMETS_APP_PASSWORD "$(random 24)"
add COMETS_PAGE_PASSWORD "$(random 24)"
add REDIS_PASSWORD "$(random 24)"
add COMETS_UI_PASSWORD "$(random 8)"
add AIRFLOW__API__SECRET_KEY "$(random 32)"
add AIRFLOW__API_AUTH__JWT_SECRET "$(random 32)"
add AIRFLOW__CORE__FERNET_KEY "$(head -c 32 /dev/urandom | base64 | tr '+/' '-_')"
sed 's/["\\]/\\&/g; s/^/requirepass "/; s/$/"/' "$folder/REDIS_PASSWORD" | put redis.conf

database="SUPABASE_DB_URL POSTGRES_URL_NON_POOLING POSTGRES_URL DATABASE_URL DB_HOST DB_PORT DB_NAME DB_USER DB_PASSWORD
    AIRFLOW_CONN_COMETS_DB"
# Split into words.
settings database.env $database
settings tikhub.env TIKHUB_API_KEY TIKHUB_BASE_URL AIRFLOW_CONN_TIKHUB
settings notices.env COMETS_NOTICES_URL AIRFLOW_CONN_COMETS_NOTICES
# The page's login of its own to a database of yours; else it has that of the Dags.
if [ -n "$(assignment COMETS_PAGE_DATABASE_URL)" ]; then
    copied="$copied COMETS_PAGE_DATABASE_URL"
    text=$(assignment COMETS_PAGE_DATABASE_URL)
    { (referred "$text") && printf 'SUPABASE_DB_URL=%s\n' "${text#*=}"; } | put page.env
else
    put page.env <"$folder/database.env"
fi
# Init compares the names with those of .env.
printf '%s' "$copied" | put COMETS_COPIED
