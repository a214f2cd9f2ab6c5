-- Lab sessions, once each, without emails, tags and the free text of the log.
-- A session is a user, a part, a launch and a start. Where it has neither, all that tells it from others is the file's day, its
-- other times and its duration. One that two days' files list, as over midnight, is taken from where its end is latest, and then
-- from the later file.
WITH
delivered AS (
    SELECT
        *,
        CASE WHEN launch_time IS NULL AND start_time IS NULL THEN file_date END AS untimed_on,
        CASE WHEN launch_time IS NULL AND start_time IS NULL THEN concat_ws(' ', end_time, init_time, duration_min) END AS untimed_as,
        -- A log may say what a person wrote: only words of this list may leave it.
        CASE
            WHEN contains(log, '(Session Timer Expires)') THEN 'Session Timer Expires'
            WHEN contains(log, '(User Ended Lab)') THEN 'User Ended Lab'
            WHEN contains(log, '(Instructor Ended Lab)') THEN 'Instructor Ended Lab'
            WHEN contains(log, 'START failed') THEN 'Start Failed'
            WHEN contains(log, 'END ') THEN 'other'
        END AS reason
    FROM raw.lab_sessions
)
SELECT
    user_id, -- Vocareum id of the user.
    course_id, -- Vocareum id of the course, as delivered.
    course_name, -- Name of the course.
    assignment_id, -- Vocareum id of the assignment, as delivered.
    assignment_name, -- Name of the assignment.
    part_id, -- Vocareum id of the part.
    part_name, -- Name of the part.
    lab_type, -- Kind of lab: Cloud, Container, Databricks, VM; the list grows.
    file_date, -- UTC day of the file that the row is taken from.
    untimed_on, -- The file's day, where the session has neither launch nor start; part of what tells it from others.
    untimed_as, -- End, time of readiness and minutes of such a session, as one text; part of what tells it from others.
    launch_time, -- When Start Lab was clicked (UTC).
    start_time, -- When the machine was started (UTC); NULL where the launch failed.
    init_time, -- When the lab was ready to use (UTC).
    end_time, -- When the lab was ended (UTC); NULL while it is open, also where an end far in the future says so.
    duration_min AS minutes_delivered, -- Length in minutes, as delivered.
    launch_to_ready_duration_mins AS launch_to_ready_minutes_delivered, -- Minutes from launch to ready, as delivered.
    reason AS end_reason, -- Why it ended, of a fixed list: Session Timer Expires, User Ended Lab, Instructor Ended Lab, Start Failed, other; NULL where the log tells no end.
    concurrent_labs_count AS concurrent_labs, -- Labs that the user already had running at launch.
    disconnects, -- How often the user was disconnected.
    latency_time_ms AS latency_ms -- Estimated latency of the user's connection, in milliseconds.
FROM delivered
QUALIFY row_number() OVER (
    PARTITION BY user_id, part_id, launch_time, start_time, untimed_on, untimed_as
    ORDER BY
        end_time DESC NULLS LAST, file_date DESC, init_time DESC NULLS LAST, course_id, assignment_id, lab_type,
        duration_min, launch_to_ready_duration_mins, reason, concurrent_labs_count, disconnects, latency_time_ms,
        course_name, assignment_name, part_name
) = 1
