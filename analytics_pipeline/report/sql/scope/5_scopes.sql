-- The courses of each selection, and the first and last day of each period. Filled by the report.
CREATE OR REPLACE TEMP TABLE scopes (scope VARCHAR, course VARCHAR);
CREATE OR REPLACE TEMP TABLE windows (scope VARCHAR, period VARCHAR, what VARCHAR, since DATE, until DATE);

-- Offsets of the page's time zone: start (UTC), and minutes ahead of UTC. Filled by the report.
CREATE OR REPLACE TEMP TABLE clock_changes (since TIMESTAMP, minutes INTEGER);
