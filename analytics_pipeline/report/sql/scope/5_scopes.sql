-- Which courses each choice of the filters stands for, and from which day to which each period goes. The report fills them.
CREATE OR REPLACE TEMP TABLE scopes (scope VARCHAR, course VARCHAR);
CREATE OR REPLACE TEMP TABLE windows (scope VARCHAR, period VARCHAR, what VARCHAR, since DATE, until DATE);

-- From when on (UTC) the clock of the page's time zone is how many minutes ahead of UTC.
CREATE OR REPLACE TEMP TABLE clock_changes (since TIMESTAMP, minutes INTEGER);
