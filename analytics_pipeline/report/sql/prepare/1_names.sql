-- A name in right-to-left letters, or with marks that turn the direction, would reorder the words and figures beside it. It is
-- put between FSI and PDI; isolating marks of its own, which could end that, are taken out.
CREATE OR REPLACE TEMP MACRO isolated(name) AS
    CASE
        WHEN regexp_matches(name, '[\x{200E}\x{200F}\x{061C}\x{202A}-\x{202E}\x{2066}-\x{2069}\x{0590}-\x{08FF}\x{FB1D}-\x{FDFF}\x{FE70}-\x{FEFC}\x{10800}-\x{10FFF}\x{1E800}-\x{1EFFF}]')
            THEN chr(8296) || regexp_replace(name, '[\x{2066}-\x{2069}]', '', 'g') || chr(8297)
        ELSE name
    END;
