SELECT what AS course, max(compared)::INTEGER AS days FROM loaded_days GROUP BY what
