CREATE SCHEMA app;
-- B1.1 B1.4
CREATE TABLE app.events (at date NOT NULL, k int NOT NULL, v text) PARTITION BY RANGE (at, k);
CREATE TABLE app.events_a PARTITION OF app.events FOR VALUES FROM (MINVALUE,MINVALUE) TO ('2024-01-01',5);
CREATE TABLE app.events_b PARTITION OF app.events FOR VALUES FROM ('2024-01-01',5) TO ('2024-02-01',MINVALUE) PARTITION BY LIST ((k % 3));
CREATE TABLE app.events_b0 PARTITION OF app.events_b FOR VALUES IN (0); CREATE TABLE app.events_bd PARTITION OF app.events_b DEFAULT;
CREATE TABLE app.events_gone PARTITION OF app.events FOR VALUES FROM ('2030-01-01',0) TO ('2031-01-01',0);
CREATE TABLE app.events_d PARTITION OF app.events DEFAULT;
INSERT INTO app.events SELECT date '2023-12-01' + g % 90, g, 'v'||g FROM generate_series(1,5000) g;
INSERT INTO app.events VALUES ('2030-05-05',1,'gone'); ALTER TABLE app.events DETACH PARTITION app.events_gone;
-- B1.3
CREATE TABLE app.hashed (k text COLLATE "C", n bigint, PRIMARY KEY (k, n)) PARTITION BY HASH (k, n);
CREATE TABLE app.hashed_0 PARTITION OF app.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE app.hashed_1 PARTITION OF app.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO app.hashed SELECT 'k'||g, g FROM generate_series(1,500) g;
-- B1.5
DO $$ BEGIN EXECUTE (SELECT 'CREATE TYPE app.letter AS ENUM (' || string_agg(quote_literal('l'||i), ',' ORDER BY i) || ')' FROM generate_series(1,100) i); END $$;
CREATE DOMAIN app.letter_d AS app.letter;
CREATE TABLE app.by_mood_tree (y int NOT NULL, k app.letter_d NOT NULL, v text) PARTITION BY LIST (y);
CREATE TABLE app.by_mood_tree_1 PARTITION OF app.by_mood_tree FOR VALUES IN (1) PARTITION BY HASH (k);
CREATE TABLE app.by_mood_tree_1_0 PARTITION OF app.by_mood_tree_1 FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE app.by_mood_tree_1_1 PARTITION OF app.by_mood_tree_1 FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE app.by_mood_tree_1_2 PARTITION OF app.by_mood_tree_1 FOR VALUES WITH (MODULUS 3, REMAINDER 2);
CREATE TABLE app.by_mood_tree_d PARTITION OF app.by_mood_tree DEFAULT; ALTER TABLE app.by_mood_tree ADD PRIMARY KEY (y, k);
INSERT INTO app.by_mood_tree SELECT y, l, 'v' FROM unnest(enum_range(NULL::app.letter)) l, generate_series(1,2) y;
CREATE TABLE app.by_mood_array (k app.letter[]) PARTITION BY HASH (k);
CREATE TABLE app.by_mood_array_0 PARTITION OF app.by_mood_array FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE app.by_mood_array_1 PARTITION OF app.by_mood_array FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO app.by_mood_array SELECT ARRAY[l] FROM unnest(enum_range(NULL::app.letter)) l;
-- B1.6
CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER elsewhere FOREIGN DATA WRAPPER nothing;
CREATE TABLE app.mixed (y int, v text) PARTITION BY LIST (y); CREATE TABLE app.mixed_1 PARTITION OF app.mixed FOR VALUES IN (1);
CREATE FOREIGN TABLE app.mixed_far PARTITION OF app.mixed FOR VALUES IN (2) SERVER elsewhere;
INSERT INTO app.mixed SELECT 1, 'v'||g FROM generate_series(1,1000) g;
-- B1.2
CREATE TABLE app.by_list (k text, v int DEFAULT 1) PARTITION BY LIST (k); CREATE TABLE app.by_list_n PARTITION OF app.by_list (v DEFAULT 7) FOR VALUES IN (NULL, 'a''b');
CREATE TABLE app.by_list_gap (gone int, v int, k text); ALTER TABLE app.by_list_gap DROP COLUMN gone; ALTER TABLE app.by_list ATTACH PARTITION app.by_list_gap FOR VALUES IN ('x');
CREATE TABLE app.by_list_d PARTITION OF app.by_list DEFAULT PARTITION BY LIST (v); CREATE TABLE app.by_list_d1 PARTITION OF app.by_list_d DEFAULT;
INSERT INTO app.by_list SELECT (ARRAY[NULL,'a''b','x','other'])[g % 4 + 1], g FROM generate_series(1,400) g; INSERT INTO app.by_list_n DEFAULT VALUES;
