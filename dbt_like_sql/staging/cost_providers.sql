-- From when and until when each provider's cost files are due. This is the only rule for which providers' files a complete day needs: a
-- provider is due from its first file on. It counts as no longer used after more than a week without a file while the other one delivers.
SELECT
    dataset, -- aws_cost or azure_cost.
    min(period) AS first_day, -- UTC day of the first delivered file, loaded or not.
    max(period) AS last_day, -- UTC day of the newest delivered file, loaded or not.
    CASE WHEN max(period) < max(max(period)) OVER () - 7 THEN max(period) END AS due_until -- last_day of a provider that is no longer used; NULL if its files are still due.
FROM marts.data_completeness
WHERE dataset IN ('aws_cost', 'azure_cost') AND delivered
GROUP BY dataset
