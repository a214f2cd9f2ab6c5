SELECT first_day, last_day, last_spend, last_session, is_weekly, daily_from FROM span
