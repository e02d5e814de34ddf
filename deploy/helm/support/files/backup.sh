#!/usr/bin/env bash
# Backups of Dagster's records. Where the database is, libpq's own variables (PGHOST …) say.
#   backup.sh once              write one backup and drop those older than BACKUP_DAYS
#   backup.sh nightly           the same every day at BACKUP_HOUR (UTC), for ever
#   backup.sh restore FILE      put a backup back into PGDATABASE, which must hold no tables
#   backup.sh list              the backups there are, newest first
set -euo pipefail
folder="${BACKUP_FOLDER:-/backups}"
days="${BACKUP_DAYS:-14}"
hour="${BACKUP_HOUR:-2}"

once() {
    local name draft
    mkdir -p "$folder"
    name="$folder/dagster-$(date -u +%Y%m%dT%H%M%SZ).dump"
    draft="$name.unfinished"
    # A backup that was cut short never has the name of one.
    pg_dump --format=custom --no-owner --no-privileges --file="$draft"
    pg_restore --list "$draft" > /dev/null
    mv "$draft" "$name"
    find "$folder" -name 'dagster-*.dump' -mtime "+$days" -delete
    find "$folder" -name '*.unfinished' -mmin +1440 -delete
    echo "$name"
}

nightly() {
    while true; do
        local now next
        now="$(date -u +%s)"
        next="$(date -u -d "today $hour:00" +%s)"
        if [ "$next" -le "$now" ]; then next=$((next + 86400)); fi
        sleep $((next - now))
        # One that fails is told and tried again the next night; the container's log keeps it.
        once || echo "The backup failed." >&2
    done
}

restore() {
    local file="${1:?name the backup to restore}" tables
    [ -f "$file" ] || { echo "There is no backup $file." >&2; exit 2; }
    tables="$(psql -XAtc "select count(*) from pg_tables where schemaname = 'public'")"
    if [ "$tables" != 0 ]; then
        echo "$PGDATABASE holds $tables tables: restore into an empty database." >&2
        exit 2
    fi
    pg_restore --no-owner --no-privileges --exit-on-error --single-transaction --dbname="$PGDATABASE" "$file"
    echo "$file is restored into $PGDATABASE."
}

case "${1:-}" in
    once) once ;;
    nightly) nightly ;;
    restore) restore "${2:-}" ;;
    list) find "$folder" -name 'dagster-*.dump' | sort -r ;;
    *) sed -n '2,6p' "$0" >&2; exit 2 ;;
esac
