-- A name in right-to-left letters, or with bidirectional control characters, would reorder the text and figures next to it. So wrap it
-- in FSI and PDI, and remove its own isolates, which could end that.
CREATE OR REPLACE TEMP MACRO isolated(name) AS
    CASE
        WHEN regexp_matches(name, '[\x{200E}\x{200F}\x{061C}\x{202A}-\x{202E}\x{2066}-\x{2069}\x{0590}-\x{08FF}\x{FB1D}-\x{FDFF}\x{FE70}-\x{FEFC}\x{10800}-\x{10FFF}\x{1E800}-\x{1EFFF}]')
            THEN chr(8296) || regexp_replace(name, '[\x{2066}-\x{2069}]', '', 'g') || chr(8297)
        ELSE name
    END;
