-- The days (UTC) on which something moved, those that follow each other as one: `from_ms`, `until_ms`.
SELECT min(from_ms), max(until_ms) FROM (
    SELECT *, day - row_number() OVER (ORDER BY day) AS run FROM (
        SELECT start_ms / 86400000 AS day, min(start_ms) AS from_ms, max(start_ms + CASE level
            WHEN 3 THEN 86400000 WHEN 2 THEN 3600000 WHEN 1 THEN 60000
            -- To read the width of each would be to read the whole file.
            ELSE (SELECT width_ms FROM block WHERE level = 0 ORDER BY start_ms DESC LIMIT 1) END) AS until_ms
        FROM block GROUP BY 1
    )
) GROUP BY run;
