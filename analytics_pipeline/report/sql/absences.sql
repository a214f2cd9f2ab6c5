SELECT dataset, partition, detail FROM ops.absences WHERE closed_at IS NULL ORDER BY ALL
