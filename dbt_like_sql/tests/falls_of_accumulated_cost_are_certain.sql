-- Every fall of an accumulated AWS value has evidence for its reading. A returned row is a fall that neither service_spend, nor a first of
-- the month, nor a deactivation explains: `fall` is the reading, and `fall_at_stake` the US dollars by which the series' total would
-- change if it was a restart and not a correction or dip, or the reverse.
-- severity: warn
-- If it fails, ask Vocareum about the largest amounts; service_spend of the month decides once it is loaded.
SELECT spend_date, aws_account_id, user_id, part_id, fall, fall_at_stake
FROM marts.daily_cloud_spend
WHERE fall IS NOT NULL AND fall_evidence IS NULL
ORDER BY fall_at_stake DESC
