#!/bin/sh
# Runs once, on PostgreSQL's empty volume: a database and a role for Dagster, and one for the lake's catalog, which holds personal data.
set -eu
for name in dagster lake; do
  if [ "$name" = dagster ]; then password=$DAGSTER_POSTGRES_PASSWORD; else password=$LAKE_PASSWORD; fi
  psql -v ON_ERROR_STOP=1 -v name="$name" -v password="$password" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
