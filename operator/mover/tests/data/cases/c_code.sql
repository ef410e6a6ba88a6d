SET client_min_messages = warning; CREATE SCHEMA c; GRANT USAGE ON SCHEMA c TO alice;
-- C1.1
CREATE TABLE c.a (id int PRIMARY KEY, b int);
CREATE TABLE c.b (id int PRIMARY KEY, a int REFERENCES c.a DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE c.a ADD CONSTRAINT a_b FOREIGN KEY (b) REFERENCES c.b DEFERRABLE INITIALLY DEFERRED;
BEGIN; INSERT INTO c.a SELECT g, g FROM generate_series(1,1000) g;
INSERT INTO c.b SELECT g, g FROM generate_series(1,1000) g; COMMIT;
CREATE TABLE c.tree (id int PRIMARY KEY, parent int REFERENCES c.tree);
INSERT INTO c.tree SELECT g, nullif(g + 1, 1001) FROM generate_series(1,1000) g;
-- C1.2
CREATE TABLE c.old (id int, x int); INSERT INTO c.old VALUES (-1,-1),(1,NULL);
ALTER TABLE c.old ADD CONSTRAINT old_x CHECK (x > 0) NOT VALID,
  ADD CONSTRAINT old_a FOREIGN KEY (id) REFERENCES c.a NOT VALID;
CREATE DOMAIN c.whole AS int; CREATE TABLE c.of_domain (d c.whole); INSERT INTO c.of_domain VALUES (-5);
ALTER DOMAIN c.whole ADD CONSTRAINT not_negative CHECK (VALUE >= 0) NOT VALID;
-- C1.4
CREATE TABLE c.booked (during int4range,
  EXCLUDE USING gist (during WITH &&) DEFERRABLE INITIALLY DEFERRED);
INSERT INTO c.booked SELECT int4range(g*10, g*10+5) FROM generate_series(1,100) g;
-- C1.5
CREATE TABLE c.idx (a int, b text); INSERT INTO c.idx SELECT g, 'b' || g FROM generate_series(1,500) g;
CREATE UNIQUE INDEX idx_all ON c.idx (a) INCLUDE (b) NULLS NOT DISTINCT WITH (fillfactor = 70) WHERE b IS NOT NULL;
ALTER TABLE c.idx ADD CONSTRAINT idx_u UNIQUE NULLS NOT DISTINCT (b, a);
CREATE INDEX idx_expr ON c.idx ((a % 10), lower(b) COLLATE "C" DESC NULLS LAST);
ALTER INDEX c.idx_expr ALTER COLUMN 1 SET STATISTICS 300;
-- C1.15
CREATE STATISTICS c.st (mcv) ON (a % 2), (lower(b)) FROM c.idx; ALTER STATISTICS c.st SET STATISTICS 50;
-- C1.6
CREATE TABLE c.loop_t (id int, v int);
CREATE FUNCTION c.of_row(c.loop_t) RETURNS int LANGUAGE sql STABLE AS 'SELECT ($1).v';
ALTER TABLE c.loop_t ADD CONSTRAINT loop_ok CHECK (c.of_row(loop_t) >= 0); INSERT INTO c.loop_t VALUES (1,1);
-- C1.7
CREATE TABLE c.counted (n bigint);
CREATE FUNCTION c.count_them() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM c.counted; END;
ALTER TABLE c.counted ALTER n SET DEFAULT c.count_them();
CREATE TABLE c.keyed (id int PRIMARY KEY, name text);
CREATE FUNCTION c.grouped() RETURNS SETOF text LANGUAGE sql BEGIN ATOMIC SELECT name FROM c.keyed GROUP BY id; END;
COMMENT ON FUNCTION c.grouped() IS 'after a key'; ALTER FUNCTION c.grouped() OWNER TO alice;
-- C1.8
CREATE FUNCTION c.trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER on_replica BEFORE INSERT ON c.keyed FOR EACH ROW EXECUTE FUNCTION c.trg();
ALTER TABLE c.keyed ENABLE REPLICA TRIGGER on_replica;
CREATE TABLE c.part (k int) PARTITION BY RANGE (k);
CREATE TABLE c.part_1 PARTITION OF c.part FOR VALUES FROM (0) TO (10);
CREATE INDEX part_k ON ONLY c.part (k);
CREATE TRIGGER parts AFTER INSERT ON c.part FOR EACH ROW EXECUTE FUNCTION c.trg();
ALTER TABLE c.part_1 DISABLE TRIGGER parts;
-- C1.9
CREATE TABLE c.dup (v int);
CREATE RULE never AS ON INSERT TO c.dup DO INSTEAD NOTHING; ALTER TABLE c.dup DISABLE RULE never;
CREATE TYPE c.pair AS (x int, y int);
CREATE FUNCTION c.show(c.pair) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ($1).x || ''/'' || ($1).y';
CREATE CAST (c.pair AS text) WITH FUNCTION c.show(c.pair) AS ASSIGNMENT;
-- C1.10
CREATE TABLE c.secret (who text, v int); INSERT INTO c.secret VALUES ('alice',1),('bob',2);
ALTER TABLE c.secret OWNER TO alice; ALTER TABLE c.secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE c.secret FORCE ROW LEVEL SECURITY; CREATE POLICY own ON c.secret USING (who = current_user);
CREATE MATERIALIZED VIEW c.seen AS SELECT * FROM c.secret WITH NO DATA;
ALTER MATERIALIZED VIEW c.seen OWNER TO alice; REFRESH MATERIALIZED VIEW c.seen;
-- C1.3 C1.17
DO $$ BEGIN IF current_setting('server_version_num')::int >= 180000 THEN
 EXECUTE 'ALTER TABLE c.old ADD CONSTRAINT old_ne CHECK (x > 100) NOT ENFORCED, ADD CONSTRAINT old_fk_ne FOREIGN KEY (x) REFERENCES c.a NOT ENFORCED, ADD CONSTRAINT old_nn NOT NULL x NOT VALID';
 EXECUTE 'CREATE TABLE c.temporal (id int4range, valid daterange, PRIMARY KEY (id, valid WITHOUT OVERLAPS))';
 EXECUTE 'CREATE TABLE c.temporal_child (id int4range, valid daterange, FOREIGN KEY (id, PERIOD valid) REFERENCES c.temporal (id, PERIOD valid))';
END IF; END $$;
-- C1.11
CREATE TABLE c.fired (what text);
CREATE FUNCTION c.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO c.fired VALUES (tg_tag); END';
CREATE EVENT TRIGGER e1 ON ddl_command_start EXECUTE FUNCTION c.on_ddl();
CREATE EVENT TRIGGER e2 ON sql_drop EXECUTE FUNCTION c.on_ddl(); ALTER EVENT TRIGGER e2 DISABLE; DELETE FROM c.fired;
-- C1.12
CREATE FUNCTION c.pair_less(c.pair, c.pair) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT ($1).x < ($2).x';
CREATE FUNCTION c.pair_more(c.pair, c.pair) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT ($1).x > ($2).x';
CREATE OPERATOR c.<<| (LEFTARG = c.pair, RIGHTARG = c.pair, FUNCTION = c.pair_less, COMMUTATOR = OPERATOR(c.|>>), NEGATOR = OPERATOR(c.!<<|));
CREATE OPERATOR c.|>> (LEFTARG = c.pair, RIGHTARG = c.pair, FUNCTION = c.pair_more, COMMUTATOR = OPERATOR(c.<<|));
CREATE OPERATOR c.!@! (RIGHTARG = int, FUNCTION = int4um); CREATE OPERATOR FAMILY c.backwards USING btree;
CREATE OPERATOR CLASS c.int4_backwards FOR TYPE int USING btree FAMILY c.backwards AS OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 btint4cmp(int, int);
CREATE FUNCTION c.back_cmp(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT btint4cmp($2, $1)'; CREATE OPERATOR CLASS c.int4_truly_backwards FOR TYPE int USING btree AS OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 c.back_cmp(int, int);
CREATE INDEX idx_back ON c.idx (a c.int4_truly_backwards); CREATE AGGREGATE c.longest (text) (SFUNC = text_larger, STYPE = text, SORTOP = >);
CREATE AGGREGATE c.in_order (VARIADIC "any" ORDER BY VARIADIC "any") (SFUNC = ordered_set_transition_multi, STYPE = internal, FINALFUNC = rank_final, FINALFUNC_EXTRA, HYPOTHETICAL);
CREATE CAST (c.pair AS int) WITH INOUT AS ASSIGNMENT; CREATE PROCEDURE c.work(INOUT n int) LANGUAGE plpgsql AS 'BEGIN n := n + 1; COMMIT; END';
-- C1.13
CREATE TEXT SEARCH DICTIONARY c.plain_words (TEMPLATE = simple, STOPWORDS = english, ACCEPT = false); CREATE TEXT SEARCH CONFIGURATION c.ours (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION c.ours ALTER MAPPING FOR asciiword, word WITH c.plain_words, simple; ALTER TEXT SEARCH CONFIGURATION c.ours DROP MAPPING FOR email;
CREATE TEXT SEARCH PARSER c.own_parser (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, HEADLINE = prsd_headline, LEXTYPES = prsd_lextype); CREATE TEXT SEARCH TEMPLATE c.own_template (LEXIZE = dsimple_lexize, INIT = dsimple_init);
CREATE TABLE c.documents (id int PRIMARY KEY, body text, words tsvector GENERATED ALWAYS AS (to_tsvector('c.ours', body)) STORED); INSERT INTO c.documents SELECT g, 'The quick fox ' || g || ' of a@example.org' FROM generate_series(1,300) g;
CREATE INDEX documents_words ON c.documents USING gin (words); CREATE INDEX documents_body ON c.documents USING gin (to_tsvector('c.ours', body));
-- C1.14
CREATE TABLE c.sorted (t text); INSERT INTO c.sorted VALUES ('Äpfel'),('apfel'),('Zebra'),('öl'),('A'),('ß');
DO $$ BEGIN CREATE COLLATION c.phonebook (PROVIDER = icu, LOCALE = 'de-u-co-phonebk'); CREATE COLLATION c.folded (PROVIDER = icu, LOCALE = 'und-u-ks-level2', DETERMINISTIC = false);
 EXECUTE 'CREATE TABLE c.folded_names (name text COLLATE c.folded PRIMARY KEY, other text COLLATE c.phonebook)'; EXECUTE 'INSERT INTO c.folded_names SELECT t, t FROM c.sorted WHERE t <> ''A'''; EXECUTE 'CREATE INDEX ON c.folded_names (other DESC)';
 IF current_setting('server_version_num')::int >= 160000 THEN EXECUTE 'CREATE COLLATION c.ruled (PROVIDER = icu, LOCALE = ''und'', RULES = ''& V << w <<< W'')'; END IF;
 IF current_setting('server_version_num')::int >= 170000 THEN EXECUTE 'CREATE COLLATION c.built_in (PROVIDER = builtin, LOCALE = ''C.UTF-8'')'; END IF;
EXCEPTION WHEN feature_not_supported THEN NULL; END $$;
CREATE COLLATION c.of_libc (LC_COLLATE = 'C', LC_CTYPE = 'C.UTF-8'); CREATE TABLE c.of_libc_texts (t text COLLATE c.of_libc PRIMARY KEY); INSERT INTO c.of_libc_texts SELECT t FROM c.sorted;
-- C1.16
COMMENT ON SCHEMA c IS E'quotes '' backslashes \\ and\nlines'; COMMENT ON TABLE c.a IS 'table'; COMMENT ON COLUMN c.a.b IS 'column'; COMMENT ON CONSTRAINT a_b ON c.a IS 'constraint'; COMMENT ON INDEX c.idx_expr IS 'index';
COMMENT ON TYPE c.pair IS 'type'; COMMENT ON COLUMN c.pair.x IS 'attribute'; COMMENT ON DOMAIN c.whole IS 'domain'; COMMENT ON CONSTRAINT not_negative ON DOMAIN c.whole IS 'check of a domain'; COMMENT ON CAST (c.pair AS text) IS 'cast';
COMMENT ON OPERATOR c.|>> (c.pair, c.pair) IS 'operator'; COMMENT ON OPERATOR CLASS c.int4_truly_backwards USING btree IS 'class'; COMMENT ON OPERATOR FAMILY c.backwards USING btree IS 'family'; COMMENT ON AGGREGATE c.longest (text) IS 'aggregate';
COMMENT ON PROCEDURE c.work(int) IS 'procedure'; COMMENT ON TEXT SEARCH CONFIGURATION c.ours IS 'configuration'; COMMENT ON TEXT SEARCH DICTIONARY c.plain_words IS 'dictionary'; COMMENT ON STATISTICS c.st IS 'statistics'; COMMENT ON MATERIALIZED VIEW c.seen IS 'view';
COMMENT ON TRIGGER on_replica ON c.keyed IS 'trigger'; COMMENT ON RULE never ON c.dup IS 'rule'; COMMENT ON POLICY own ON c.secret IS 'policy'; COMMENT ON EVENT TRIGGER e1 IS 'event trigger'; COMMENT ON COLLATION c.of_libc IS 'collation'; COMMENT ON LANGUAGE plpgsql IS NULL;
DELETE FROM c.fired;
