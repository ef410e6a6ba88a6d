-- Rows for rich.sql.
SET client_min_messages = warning;
INSERT INTO app.customers (name, feeling, place, span, n, tags)
    SELECT 'name ' || i, (ARRAY['sad', 'ok', 'it''s "fine"'])[i % 3 + 1]::app.mood, ROW(i, -i, E'z\t\\ü' || i)::app.point3,
           app.floatspan(i, i + 0.5), i % 900 + 1, ARRAY['a,b', NULL, '"q"', i::text]
      FROM generate_series(1, 2000) i;
INSERT INTO app.customers (name, feeling, made) VALUES
    (E'tab\tline\nback\\slash', NULL, 'infinity'), (E'\\N', 'ok', '0044-03-15 00:00:00+00 BC'), ('ünï😀', 'sad', '294276-12-31 23:59:59.999999+00');
INSERT INTO app.orders (customer, during, amount, note)
    SELECT 1000 + 5 * (i % 500), tstzrange(to_timestamp(i), NULL), i / 7.0, 'note ' || i FROM generate_series(1, 5000) i;
INSERT INTO app.rooms (during) SELECT tstzrange(to_timestamp(i * 100), to_timestamp(i * 100 + 50)) FROM generate_series(1, 50) i;
INSERT INTO app.eggs SELECT i FROM generate_series(1, 10) i;
ALTER TABLE app.chickens DISABLE TRIGGER watched;
INSERT INTO app.chickens SELECT i, i, nullif(i - 1, 0) FROM generate_series(1, 10) i;
ALTER TABLE app.chickens ENABLE TRIGGER watched;
UPDATE app.eggs SET chicken = id;
INSERT INTO app.measures SELECT date '2022-12-01' + i, i, i * 1.1 FROM generate_series(1, 900) i;
INSERT INTO app.measures VALUES ('2024-02-29', 7, 'NaN'), ('2024-02-29', 8, '-0'), ('2024-02-29', 9, '-Infinity');
INSERT INTO app.by_mood VALUES ('sad', 1), ('ok', 2), ('it''s "fine"', 3);
INSERT INTO app.by_list VALUES ('a', 1), (NULL, 2), ('b', DEFAULT);
INSERT INTO app.referring SELECT at, sensor FROM app.measures WHERE sensor < 20;
INSERT INTO app.base_table VALUES (1, 'base');
INSERT INTO app.child_table VALUES (2, 'child', 3);
INSERT INTO app.typed VALUES (1, 2, 'z');
INSERT INTO app.fleeting SELECT generate_series(1, 10);
INSERT INTO app.other_method SELECT generate_series(1, 10);
INSERT INTO app.no_columns DEFAULT VALUES;
INSERT INTO app.no_columns DEFAULT VALUES;
INSERT INTO app.only_dropped DEFAULT VALUES;
INSERT INTO "Odd ""Schema"" ä"."Tab.le
with ""all"" of it" VALUES (1, 'select', 'ü', E'\\'), (NULL, '', NULL, '');
SELECT nextval('app.alone'), nextval('app.alone');
SELECT setval('app.owned', 4000, false);
REFRESH MATERIALIZED VIEW app.summary;
REFRESH MATERIALIZED VIEW app.a_summary_of_summary;
REFRESH MATERIALIZED VIEW app.after_key;
TRUNCATE app.commands;

-- Large objects: one with a hole, an empty one, one that ends in a hole, owners, privileges, comments
SELECT lo_create(70001), lo_create(70002), lo_create(70003), lo_create(70004);
SELECT lo_put(70001, 0, 'start'), lo_put(70001, 3000000, 'after a hole');
SELECT lo_put(70003, 0, decode(repeat('00ff10', 30000), 'hex'));
SELECT lo_put(70004, 0, 'much follows'), lo_truncate64(lo_open(70004, 131072), 20480);
ALTER LARGE OBJECT 70001 OWNER TO alice;
GRANT SELECT ON LARGE OBJECT 70001 TO bob WITH GRANT OPTION;
SET SESSION AUTHORIZATION bob;
GRANT SELECT ON LARGE OBJECT 70001 TO readers;
RESET SESSION AUTHORIZATION;
GRANT SELECT ON LARGE OBJECT 70002 TO PUBLIC;
COMMENT ON LARGE OBJECT 70003 IS 'it''s large';

-- The database itself
DO $$
DECLARE db text := current_database();
BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = app, "Odd ""Schema"" ä", public', db);
    EXECUTE format('ALTER DATABASE %I SET statement_timeout = ''1h''', db);
    EXECUTE format('ALTER ROLE bob IN DATABASE %I SET work_mem = ''8MB''', db);
    EXECUTE format('COMMENT ON DATABASE %I IS ''the shop''''s own''', db);
    EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 33', db);
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', db);
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO readers', db);
    EXECUTE format('ALTER DATABASE %I OWNER TO alice', db);
END $$;
