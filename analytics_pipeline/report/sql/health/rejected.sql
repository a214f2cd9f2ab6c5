SELECT sum(rejects)::BIGINT AS records, count(*) FILTER (rejects > 0) AS files
FROM ops.loaded_files
HAVING sum(rejects) > 0
