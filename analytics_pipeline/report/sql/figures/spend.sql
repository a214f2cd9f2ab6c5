-- Changes compare equal numbers of loaded days: a day that was not delivered is not a day without spend.
SELECT
    coalesce(spent.course, 'all') AS course,
    sum(spent.cost) FILTER (spent.day > last_spend - 30) AS spend,
    coalesce(sum(spent.cost) FILTER (loaded.place <= loaded.compared), 0) AS newest,
    coalesce(sum(spent.cost) FILTER (loaded.place > loaded.compared AND loaded.place <= 2 * loaded.compared), 0) AS before
FROM span, spend_days AS spent
LEFT JOIN loaded_days AS loaded ON loaded.what = 'spend' AND loaded.day = spent.day
WHERE spent.dating <> 'before the first file'
GROUP BY GROUPING SETS ((), (spent.course))
