SELECT count(*) AS periods, count(*) FILTER (loaded) AS loaded, count(*) FILTER (newest_failed) AS failed
FROM marts.data_completeness
