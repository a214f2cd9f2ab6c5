SELECT course, min(label) AS label, min(place) AS place FROM courses GROUP BY course
UNION ALL
SELECT 'unknown', 'No known course', NULL
WHERE EXISTS (SELECT 1 FROM spend_days WHERE course = 'unknown' AND cost <> 0)
   OR EXISTS (SELECT 1 FROM sessions WHERE course = 'unknown')
ORDER BY place NULLS LAST, label
