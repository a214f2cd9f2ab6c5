WITH source AS (SELECT * FROM texts),
        cells AS (
            SELECT nullif(CASE WHEN prefix(c0, ' ') THEN ltrim(c0) ELSE c0 END, '') AS c0,
nullif(CASE WHEN prefix(c1, ' ') THEN ltrim(c1) ELSE c1 END, '') AS c1,
nullif(CASE WHEN prefix(c6, ' ') THEN ltrim(c6) ELSE c6 END, '') AS c6,
nullif(CASE WHEN prefix(c3, ' ') THEN ltrim(c3) ELSE c3 END, '') AS c3,
nullif(CASE WHEN prefix(c4, ' ') THEN ltrim(c4) ELSE c4 END, '') AS c4,
nullif(CASE WHEN prefix(c5, ' ') THEN ltrim(c5) ELSE c5 END, '') AS c5, [c2] AS _extra,
              trim(concat(c7), 'BLANKS') <> '' AS _surplus, _file, _short
            FROM source
        ),
        typed AS (SELECT *,
CAST(CASE WHEN try_cast(c0 AS BIGINT)::VARCHAR = c0 THEN try_cast(c0 AS BIGINT) END AS BIGINT) AS "user_id",
CAST(NULL AS VARCHAR) AS "user_email",
CAST(CASE WHEN try_cast(c1 AS BIGINT)::VARCHAR = c1 THEN try_cast(c1 AS BIGINT) END AS BIGINT) AS "part_id",
CASE WHEN c6 < '!' OR suffix(c6, chr(9)) OR suffix(c6, chr(10)) OR suffix(c6, chr(11)) OR suffix(c6, chr(12)) OR suffix(c6, chr(13)) OR suffix(c6, chr(32)) OR (strlen(c6) > length(c6) AND (trim(c6) <> c6 OR suffix(c6, chr(133)) OR suffix(c6, chr(8232)) OR suffix(c6, chr(8233)) OR suffix(c6, chr(6158)) OR suffix(c6, chr(8203)) OR suffix(c6, chr(8204)) OR suffix(c6, chr(8205)) OR suffix(c6, chr(8206)) OR suffix(c6, chr(8207)) OR suffix(c6, chr(8288)) OR suffix(c6, chr(65279)) OR unicode(c6) IN (133, 8232, 8233, 6158, 8203, 8204, 8205, 8206, 8207, 8288, 65279))) THEN trim(c6, 'BLANKS') ELSE c6 END AS "part_name",
CAST(CASE WHEN try_cast(c3 AS BIGINT)::VARCHAR = c3 THEN try_cast(c3 AS BIGINT) END AS BIGINT) AS "month",
CAST(CASE WHEN try_cast(c4 AS BIGINT)::VARCHAR = c4 THEN try_cast(c4 AS BIGINT) END AS BIGINT) AS "year",
CAST(CASE WHEN contains(c5, '_') THEN NULL WHEN contains(c5, 'e') OR contains(c5, 'E') THEN try_cast(try_cast(c5 AS DOUBLE) AS DECIMAL(18, 9)) ELSE try_cast(c5 AS DECIMAL(18, 9)) END AS DECIMAL(18, 9)) AS "monthly_cost_to_date" FROM cells)
        SELECT "user_id",
CASE WHEN "user_email" NOT IN ('', 'NULL', '\N') THEN "user_email" END AS "user_email", "part_id",
CASE WHEN "part_name" NOT IN ('') THEN "part_name" END AS "part_name", "month", "year", "monthly_cost_to_date", _extra,
               CAST(_file AS BIGINT) AS _file,
CAST(_short AS INTEGER) AS _short,
               CAST(CASE WHEN c0 IS NOT NULL AND "user_id" IS NULL OR c1 IS NOT NULL AND "part_id" IS NULL OR c3 IS NOT NULL AND "month" IS NULL OR c4 IS NOT NULL AND "year" IS NULL OR c5 IS NOT NULL AND "monthly_cost_to_date" IS NULL THEN [CASE WHEN c0 IS NOT NULL AND "user_id" IS NULL THEN c0 END,
CASE WHEN c1 IS NOT NULL AND "part_id" IS NULL THEN c1 END,
CASE WHEN c3 IS NOT NULL AND "month" IS NULL THEN c3 END,
CASE WHEN c4 IS NOT NULL AND "year" IS NULL THEN c4 END,
CASE WHEN c5 IS NOT NULL AND "monthly_cost_to_date" IS NULL THEN c5 END] END AS VARCHAR[]) AS _unread, _surplus
        FROM typed
