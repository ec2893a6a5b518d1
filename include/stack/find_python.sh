#!/bin/sh
# Prints a Python that Airflow runs on: the one named by the argument, else the first of the usual names.
# Airflow 3.3 wants 3.10 to 3.14; the package itself wants 3.11.
suits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null
}

if [ -n "$1" ]; then
    if suits "$1"; then
        printf '%s\n' "$1"
        exit 0
    fi
    echo "Error: Python 3.11 to 3.14 is needed; PYTHON=$1 is another one or does not run." >&2
    exit 1
fi
for candidate in python3 python3.13 python3.12 python3.11 python3.14 /usr/bin/python3; do
    if suits "$candidate"; then
        printf '%s\n' "$candidate"
        exit 0
    fi
done
echo "Error: no Python 3.11 to 3.14 was found. Install one, or say where it is: make PYTHON=/path/to/python3.12" >&2
exit 1
