-- Azure spend, month to date, as known at the end of each day, one row per day, user, part and month.
-- A row belongs to its own month and year: if a file of the 1st still carries the previous month, its value is dated to that month's
-- last day. The latest file gives a day's value. If it lists a user, part and month twice, the greatest amount counts, and every
-- negative one (a credit) is added to it.
WITH
placed AS (
    SELECT
        *,
        make_date(year, month, 1) AS billing_month,
        greatest(billing_month, least(file_date, last_day(billing_month))) AS spend_date
    FROM raw.azure_cost
)
SELECT
    spend_date, -- UTC day at whose end the value held: the file's day, moved into the row's month.
    billing_month, -- First day of the row's month.
    user_id, -- Vocareum id of the user.
    part_id, -- Vocareum id of the part.
    (
        coalesce(max(monthly_cost_to_date) FILTER (monthly_cost_to_date >= 0), 0)
        + coalesce(sum(monthly_cost_to_date) FILTER (monthly_cost_to_date < 0), 0)
    )::DECIMAL(38, 9) AS accumulated -- US dollars since the first of the month. Do not sum over days.
FROM placed
GROUP BY file_date, spend_date, billing_month, user_id, part_id
QUALIFY file_date = max(file_date) OVER (PARTITION BY spend_date, billing_month, user_id, part_id)
