-- Rows of lab_sessions as delivered, without emails, tags and the log's free text. A session over midnight may have a row in two days'
-- files: staging.lab_sessions has each session once.
SELECT
    user_id, -- Vocareum id of the user.
    course_id, -- Vocareum id of the course, as delivered.
    course_name, -- Name of the course.
    assignment_id, -- Vocareum id of the assignment, as delivered.
    assignment_name, -- Name of the assignment.
    part_id, -- Vocareum id of the part.
    part_name, -- Name of the part.
    lab_type, -- Kind of lab: Cloud, Container, Databricks, VM; the list grows.
    file_date, -- UTC day of the file that the row comes from.
    coalesce(start_time, launch_time, file_date)::DATE AS session_date, -- UTC day of the start, else of the launch, else of the file.
    CASE WHEN launch_time IS NULL AND start_time IS NULL THEN file_date END AS untimed_on, -- The file's day, if the session has neither launch nor start; part of its identity.
    CASE
        WHEN launch_time IS NULL AND start_time IS NULL THEN concat_ws(' ', end_time, init_time, duration_min)
    END AS untimed_as, -- End, ready time and minutes of such a session as one text; part of its identity.
    launch_time, -- When Start Lab was clicked (UTC).
    start_time, -- When the machine was started (UTC); NULL if the launch failed.
    init_time, -- When the lab was ready to use (UTC).
    end_time, -- When the lab was ended (UTC); NULL while it is open, also if the delivered end is far in the future.
    duration_min AS minutes_delivered, -- Length in minutes, as delivered.
    launch_to_ready_duration_mins AS launch_to_ready_minutes_delivered, -- Minutes from launch to ready, as delivered.
    end_reason, -- Why it ended, from a fixed list: Session Timer Expires, User Ended Lab, Instructor Ended Lab, Start Failed, other; NULL if the log has no end.
    concurrent_labs_count AS concurrent_labs, -- Labs that the user already had running at launch.
    disconnects, -- How often the user was disconnected.
    latency_time_ms AS latency_ms -- Estimated latency of the user's connection, in milliseconds.
FROM raw.lab_sessions
