-- marts.part_lineage has one row per part.
-- If it fails, look at staging.parts.
SELECT part_id, count(*) AS times
FROM marts.part_lineage
GROUP BY part_id
HAVING count(*) > 1
