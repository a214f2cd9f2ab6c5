-- Every fall of an accumulated AWS value, and its reading. A value falls for one of three reasons:
-- restart: a new accumulation began. The previous value stays spent, and the new value was spent since.
-- correction: a credit or a revised estimate. No earlier value of the accumulation counts for more than a later one.
-- dip: one bad file. The next value is back at or above the previous one, so this one is skipped.
-- Evidence decides first: the month's service_spend, then a first of the month on which the whole feed restarts. Otherwise, a value
-- that recovers at once is a dip, one below half of the previous value is a restart, and any other is a correction. A fall to below
-- half by credits alone is a correction, too: a restart needs a charge below half of the previous one. The account's deactivation is
-- evidence for such a restart, but makes none of a smaller fall, which may be its final bill.
-- If the whole feed restarts on a first of the month, a series that spends more than before does not fall. It is listed as a restart
-- only if the month's service_spend shows it.
WITH
feed AS (SELECT max(day) AS last_date FROM staging.cost_files WHERE provider = 'aws'),
files AS (SELECT day, previous_day IS NOT NULL AS has_previous FROM staging.cost_files WHERE provider = 'aws'),
series AS (
    SELECT
        *,
        date_trunc('month', file_date)::DATE AS month,
        lag(file_date) OVER per_series AS previous_date,
        lag(accumulated) OVER per_series AS previous,
        greatest(deactivated_at, lag(deactivated_at) OVER per_series)::DATE AS deactivated_on, -- greatest() ignores NULL
        coalesce(deactivated_on BETWEEN previous_date AND file_date, false) AS is_deactivated,
        coalesce(accumulated < previous, false) AS falls,
        falls AND coalesce(lead(accumulated) OVER per_series >= previous, false) AS comes_back,
        falls AND previous > 0 AND accumulated * 2 < previous
        AND coalesce(charged * 2 < lag(charged) OVER per_series, false) AS is_deep
    FROM staging.aws_cost
    WINDOW per_series AS (PARTITION BY aws_account_id, user_id, part_id ORDER BY file_date)
),
-- Spend of a month under each reading of its only fall. For an opening balance, the month's share of its value is unknown. Any other
-- series had spent nothing before it begins.
months AS (
    SELECT
        series.*,
        feed.last_date AS newest_file,
        count(*) FILTER (falls) OVER whole AS falls_in_month,
        last_value(accumulated) OVER whole AS closing,
        coalesce(
            first_value(previous) OVER whole,
            CASE WHEN first_value(files.has_previous) OVER whole THEN 0 END
        ) AS opening,
        closing - opening + previous AS spent_if_restart,
        closing - least(opening, CASE WHEN comes_back THEN closing ELSE accumulated END) AS spent_if_not
    FROM series
    JOIN files ON files.day = series.file_date
    CROSS JOIN feed
    WINDOW whole AS (
        PARTITION BY aws_account_id, user_id, part_id, month
        ORDER BY file_date ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
),
bills AS (
    SELECT month, aws_account_id, user_id, part_id, sum(cost) AS billed
    FROM staging.service_spend
    GROUP BY month, aws_account_id, user_id, part_id
),
-- At least three series with money continue over the first of this month, and more than half of them fall deep and stay there. A series
-- whose account is deactivated by then says nothing: accounts may be purged on a first of the month.
restarting_months AS (
    SELECT month
    FROM months
    WHERE previous_date < month AND previous > 0 AND NOT is_deactivated
    GROUP BY month
    HAVING count(*) >= 3 AND count(*) FILTER (is_deep AND NOT comes_back) * 2 > count(*)
),
-- A bill decides if it is close to one of the readings: within a quarter of the distance between them. If the values themselves show a
-- restart, a lower bill is evidence against it only if it can't be the restart's: a bill may be some days older than the costs, as long
-- as the month's files still come, and differ by rounding.
evidence AS (
    SELECT
        months.*,
        months.previous_date < months.month AND restarting_months.month IS NOT NULL AS feed_restarts,
        CASE
            WHEN falls_in_month > 1 THEN NULL
            WHEN abs(billed - spent_if_restart) * 4 <= spent_if_restart - spent_if_not THEN 'restart'
            WHEN
                (feed_restarts OR (is_deep AND NOT comes_back))
                AND billed BETWEEN previous - opening + accumulated AND spent_if_restart
                AND (
                    last_day(months.month) + 3 > newest_file
                    OR spent_if_restart - spent_if_not < greatest(1, spent_if_restart / 100)
                )
                THEN NULL
            WHEN abs(billed - spent_if_not) * 4 <= spent_if_restart - spent_if_not THEN 'no restart'
        END AS bill_says
    FROM months
    LEFT JOIN restarting_months ON restarting_months.month = months.month
    LEFT JOIN bills
        ON bills.month = months.month AND bills.aws_account_id = months.aws_account_id
        AND bills.user_id = months.user_id AND bills.part_id = months.part_id
    WHERE falls
    OR (months.previous_date < months.month AND restarting_months.month IS NOT NULL AND falls_in_month = 0 AND previous > 0)
)
SELECT
    file_date, -- UTC day of the file with the lower value, or with the new accumulation.
    aws_account_id, -- AWS account.
    user_id, -- Vocareum id of the user.
    part_id, -- Vocareum id of the part.
    CASE
        WHEN bill_says = 'restart' OR (bill_says IS NULL AND feed_restarts) THEN 'restart'
        WHEN comes_back THEN 'dip'
        WHEN bill_says IS NULL AND is_deep THEN 'restart'
        ELSE 'correction'
    END AS rule, -- restart, correction or dip.
    CASE
        WHEN bill_says IS NOT NULL THEN 'service_spend'
        WHEN feed_restarts THEN 'first of the month'
        WHEN is_deactivated AND is_deep AND NOT comes_back THEN 'deactivation'
    END AS evidence, -- Evidence for the rule: service_spend, first of the month, deactivation; NULL if the rule is a guess from the values alone.
    abs(previous) AS at_stake -- US dollars by which the series' total differs between a restart and the other readings: the previous value.
FROM evidence
WHERE falls OR bill_says = 'restart'
