-- Tables as wide, as narrow and as oddly named as they may be.
-- A4.1
DO $$ BEGIN
 EXECUTE (SELECT 'CREATE TABLE widest (' || string_agg(format('%I int', rpad('c'||i||'"', 63, '_')), ',' ORDER BY i) || ')' FROM generate_series(1,1600) i);
 EXECUTE (SELECT 'INSERT INTO widest SELECT ' || string_agg('g+'||i, ',' ORDER BY i) || ' FROM generate_series(1,3) g' FROM generate_series(1,1600) i);
 EXECUTE 'INSERT INTO widest DEFAULT VALUES'; END $$;
-- A4.4
CREATE TABLE only_generated (g int GENERATED ALWAYS AS (1 + 1) STORED);
INSERT INTO only_generated DEFAULT VALUES; INSERT INTO only_generated DEFAULT VALUES;
-- A4.3
DO $do$ DECLARE s text := 's' || repeat('ä',31); t text := E'T"\n\\''.%$;' || repeat('x',54); c text := E'C"\n' || repeat('y',60); BEGIN
 EXECUTE format('CREATE SCHEMA %I', s);
 EXECUTE format('CREATE TABLE %I.%I (%I int PRIMARY KEY, "NULL" text, "select" text, "UPPER" text DEFAULT ''x'')', s, t, c);
 EXECUTE format('INSERT INTO %I.%I VALUES (1, NULL, '''', E''\\\\.'')', s, t);
 EXECUTE format('CREATE INDEX %I ON %I.%I ("UPPER")', 'i' || repeat('z',62), s, t);
 EXECUTE format('CREATE SEQUENCE %I.%I', s, 'q"' || repeat('s',61)); END $do$;
-- A4.2
CREATE TABLE no_columns (); INSERT INTO no_columns DEFAULT VALUES; INSERT INTO no_columns DEFAULT VALUES;
CREATE TABLE no_columns_no_rows (); CREATE TABLE no_rows (id int PRIMARY KEY, t text);
CREATE TABLE only_dropped (a int, b text); INSERT INTO only_dropped SELECT g, g::text FROM generate_series(1,7) g;
ALTER TABLE only_dropped DROP COLUMN a, DROP COLUMN b;
CREATE TABLE dropped_between (a int, gone text DEFAULT 'x', b text, "........pg.dropped.2........" int);
INSERT INTO dropped_between (a, b) SELECT g, 'b' || g FROM generate_series(1,100) g;
ALTER TABLE dropped_between RENAME "........pg.dropped.2........" TO spare; ALTER TABLE dropped_between DROP COLUMN gone;
ALTER TABLE dropped_between ADD late int DEFAULT 42; INSERT INTO dropped_between (a, b, late) VALUES (NULL, '', NULL);
