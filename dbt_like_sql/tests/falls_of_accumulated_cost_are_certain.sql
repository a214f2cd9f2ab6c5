-- No accumulated AWS value fell in a way that leaves its reading to a guess. Each row is a fall that neither service_spend, nor a first
-- of the month, nor a deactivation explains: `fall` says how it was read, and `fall_at_stake` how many US dollars the total of that
-- account, user and part would change by if it was a restart and not a correction or dip, or the reverse.
-- severity: warn
-- If it fails, ask Vocareum about the largest amounts; service_spend of the month decides as soon as it is loaded.
SELECT spend_date, aws_account_id, user_id, part_id, fall, fall_at_stake
FROM marts.daily_cloud_spend
WHERE fall IS NOT NULL AND fall_evidence IS NULL
ORDER BY fall_at_stake DESC
