#!/bin/sh
# Runs PostgreSQL in a pod: makes the database cluster on the first start, then becomes the server.
#
#   POSTGRES_PASSWORD_FILE or POSTGRES_PASSWORD   the password of user postgres; one of them is needed
#   POSTGRES_DB                                   a database to make besides postgres
#   POSTGRES_INITDB_ARGS                          more arguments for initdb
#   /etc/postgresql/init/*.sql                    run once, in POSTGRES_DB
#   /etc/postgresql/tls/tls.crt and tls.key       turn TLS on
#
# Arguments go to the server.
set -eu

make_cluster() {
    passwords=$(mktemp)
    if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
        cat "$POSTGRES_PASSWORD_FILE" > "$passwords"
    else
        printf '%s\n' "${POSTGRES_PASSWORD:?is needed for the first start}" > "$passwords"
    fi
    # A start that was interrupted left half a cluster, which initdb refuses to touch.
    rm -rf "$PGDATA.new"
    # The arguments are words, to be split.
    # shellcheck disable=SC2086
    initdb --pgdata="$PGDATA.new" --username=postgres --pwfile="$passwords" --auth-local=trust \
        --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync ${POSTGRES_INITDB_ARGS:-}
    rm "$passwords"
    echo 'host all all all scram-sha-256' >> "$PGDATA.new/pg_hba.conf"

    pg_ctl --pgdata="$PGDATA.new" --wait --options="-c listen_addresses='' -c unix_socket_directories=$PGHOST" start
    if [ -n "${POSTGRES_DB:-}" ] && [ "$POSTGRES_DB" != postgres ]; then
        createdb --username=postgres "$POSTGRES_DB"
    fi
    for script in /etc/postgresql/init/*.sql; do
        [ -e "$script" ] || continue
        psql --no-psqlrc --set=ON_ERROR_STOP=1 --username=postgres --dbname="${POSTGRES_DB:-postgres}" --file="$script"
    done
    pg_ctl --pgdata="$PGDATA.new" --wait --mode=fast stop
    mv "$PGDATA.new" "$PGDATA"
}

[ -s "$PGDATA/PG_VERSION" ] || make_cluster

if [ -e /etc/postgresql/tls/tls.crt ]; then
    set -- -c ssl=on -c ssl_cert_file=/etc/postgresql/tls/tls.crt -c ssl_key_file=/etc/postgresql/tls/tls.key "$@"
fi
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories="$PGHOST" "$@"
