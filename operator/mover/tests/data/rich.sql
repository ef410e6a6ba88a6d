-- One of nearly everything that a database can hold. Needs the roles of roles.sql and PostgreSQL 15 or newer.
SET client_min_messages = warning;

-- Schemas, privileges by default
CREATE SCHEMA app AUTHORIZATION alice;
CREATE SCHEMA "Odd ""Schema"" ä";
COMMENT ON SCHEMA app IS 'quotes '' and \ backslashes and
-- a second line';
GRANT USAGE ON SCHEMA app TO readers;
ALTER DEFAULT PRIVILEGES FOR ROLE alice IN SCHEMA app GRANT SELECT ON TABLES TO readers;
ALTER DEFAULT PRIVILEGES FOR ROLE alice REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO bob;

-- Extensions, where the installation has them
DO $$
DECLARE wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['hstore', 'citext', 'pg_trgm', 'btree_gist'] LOOP
        IF EXISTS (SELECT FROM pg_available_extensions WHERE name = wanted) THEN
            EXECUTE format('CREATE EXTENSION %I SCHEMA public', wanted);
        END IF;
    END LOOP;
END $$;

-- Languages, access methods, conversions, casts, transforms
CREATE FUNCTION app.handler() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE LANGUAGE plalice HANDLER app.handler;
ALTER LANGUAGE plalice OWNER TO alice;
CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
COMMENT ON ACCESS METHOD heap2 IS 'heap under another name';
CREATE CONVERSION app.latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
ALTER CONVERSION app.latin OWNER TO alice;
CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal), TO SQL WITH FUNCTION int4recv(internal));

-- Types
CREATE TYPE app.mood AS ENUM ('sad', 'ok', 'it''s "fine"');
ALTER TYPE app.mood OWNER TO alice;
CREATE TYPE app.point3 AS (x integer, y integer, "Z z" text COLLATE "C");
CREATE TYPE app.floatspan AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = float8mi);
CREATE TYPE app.shell;
CREATE TYPE app.base;
CREATE FUNCTION app.base_in(cstring) RETURNS app.base LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION app.base_out(app.base) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE app.base (INPUT = app.base_in, OUTPUT = app.base_out, LIKE = int4);
CREATE CAST (app.base AS int) WITHOUT FUNCTION;
CREATE DOMAIN app.positive AS integer DEFAULT 1 CONSTRAINT "must be > 0" CHECK (VALUE > 0);
ALTER DOMAIN app.positive ADD CONSTRAINT small CHECK (VALUE < 1000000) NOT VALID;
ALTER DOMAIN app.positive OWNER TO alice;
COMMENT ON CONSTRAINT "must be > 0" ON DOMAIN app.positive IS 'a domain''s constraint';
DO $$
BEGIN
    CREATE COLLATION app.german (PROVIDER = icu, LOCALE = 'de-DE-u-co-phonebk');
    CREATE COLLATION app.folded (PROVIDER = icu, LOCALE = 'und-u-ks-level2', DETERMINISTIC = false);
EXCEPTION WHEN feature_not_supported THEN  -- a server without ICU
    CREATE COLLATION app.german (LOCALE = 'POSIX');
END $$;
ALTER COLLATION app.german OWNER TO alice;

-- Functions, procedures, aggregates, operators, operator classes
CREATE FUNCTION app.add(a integer, b integer DEFAULT 1) RETURNS integer LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT a + b';
ALTER FUNCTION app.add(integer, integer) OWNER TO alice;
GRANT EXECUTE ON FUNCTION app.add(integer, integer) TO bob;
CREATE FUNCTION app.atomic(integer) RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT $1 * 2; END;
CREATE FUNCTION app."body with -- comment"() RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = app, pg_temp AS $body$
-- this line is part of the body
BEGIN
    RETURN 'a;b';   -- so is this
END
$body$;
SET check_function_bodies = off;
CREATE FUNCTION app.late() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM app.customers';
RESET check_function_bodies;
CREATE PROCEDURE app.touch(INOUT n integer) LANGUAGE plpgsql AS $$ BEGIN n := n + 1; END $$;
ALTER PROCEDURE app.touch(integer) OWNER TO alice;
CREATE AGGREGATE app.total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0');
ALTER AGGREGATE app.total(integer) OWNER TO alice;
CREATE FUNCTION app.same(app.mood, app.mood) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1::text = $2::text';
CREATE OPERATOR app.=== (LEFTARG = app.mood, RIGHTARG = app.mood, FUNCTION = app.same, COMMUTATOR = OPERATOR(app.===));
ALTER OPERATOR app.=== (app.mood, app.mood) OWNER TO alice;
CREATE OPERATOR FAMILY app.backwards USING btree;
CREATE FUNCTION app.backwards_compare(integer, integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT btint4cmp($2, $1)';
CREATE OPERATOR CLASS app.backwards_ops FOR TYPE integer USING btree FAMILY app.backwards AS
    OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 app.backwards_compare(integer, integer);
ALTER OPERATOR FAMILY app.backwards USING btree OWNER TO alice;
ALTER OPERATOR CLASS app.backwards_ops USING btree OWNER TO alice;

-- Text search
CREATE TEXT SEARCH DICTIONARY app.plain (TEMPLATE = simple, STOPWORDS = english);
CREATE TEXT SEARCH CONFIGURATION app.search (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION app.search ALTER MAPPING FOR asciiword WITH app.plain;
ALTER TEXT SEARCH CONFIGURATION app.search OWNER TO alice;
ALTER TEXT SEARCH DICTIONARY app.plain OWNER TO alice;
CREATE TEXT SEARCH TEMPLATE app.template (LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH PARSER app.parser (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);

-- Foreign data
CREATE FOREIGN DATA WRAPPER nothing OPTIONS (debug 'true');
ALTER FOREIGN DATA WRAPPER nothing OWNER TO postgres;
CREATE SERVER elsewhere TYPE 'x' VERSION '1' FOREIGN DATA WRAPPER nothing OPTIONS (host 'h');
ALTER SERVER elsewhere OWNER TO postgres;
GRANT USAGE ON FOREIGN SERVER elsewhere TO alice;
CREATE USER MAPPING FOR alice SERVER elsewhere OPTIONS ("user" 'remote');
CREATE FOREIGN TABLE app.far (id integer OPTIONS (c 'id') NOT NULL, t text) SERVER elsewhere OPTIONS (table_name 'f');

-- Tables
CREATE TABLE app.customers (
    id bigint GENERATED ALWAYS AS IDENTITY (START 1000 INCREMENT 5) PRIMARY KEY,
    name text NOT NULL COLLATE app.german,
    feeling app.mood DEFAULT 'ok',
    place app.point3,
    span app.floatspan,
    n app.positive,
    doubled integer GENERATED ALWAYS AS (1 + 1) STORED,
    tags text[] DEFAULT '{}',
    made timestamptz DEFAULT '2024-01-01 00:00:00+00',
    CONSTRAINT long_enough CHECK (length(name) > 1),
    CONSTRAINT uniquely_named UNIQUE (name) DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE app.customers OWNER TO alice;
ALTER TABLE app.customers ALTER COLUMN name SET STATISTICS 500, ALTER COLUMN name SET STORAGE EXTERNAL;
ALTER TABLE app.customers SET (fillfactor = 70, autovacuum_enabled = off);
ALTER TABLE app.customers ADD CONSTRAINT not_checked CHECK (id > 0) NOT VALID;
COMMENT ON TABLE app.customers IS 'who buys';
COMMENT ON COLUMN app.customers.name IS 'a column''s comment';
COMMENT ON CONSTRAINT long_enough ON app.customers IS 'a constraint''s comment';
GRANT SELECT (id, name), UPDATE (name) ON app.customers TO bob;
GRANT SELECT ON app.customers TO readers WITH GRANT OPTION;
SET SESSION AUTHORIZATION alice;
GRANT INSERT ON app.customers TO bob WITH GRANT OPTION;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION bob;
GRANT INSERT ON app.customers TO readers;
RESET SESSION AUTHORIZATION;

CREATE TABLE app.orders (
    id serial PRIMARY KEY,
    customer bigint NOT NULL REFERENCES app.customers (id) ON DELETE CASCADE,
    during tstzrange,
    amount numeric(12, 2) CHECK (amount >= 0),
    gone integer,
    note text COMPRESSION pglz
);
ALTER TABLE app.orders OWNER TO bob;
ALTER TABLE app.orders DROP COLUMN gone;
CREATE INDEX orders_by_customer ON app.orders (customer) INCLUDE (amount) WHERE amount > 10;
CREATE INDEX orders_by_expression ON app.orders ((lower(note)) text_pattern_ops DESC NULLS LAST);
CREATE UNIQUE INDEX orders_note ON app.orders (note) NULLS NOT DISTINCT;
CREATE INDEX orders_backwards ON app.orders (id app.backwards_ops);
ALTER TABLE app.orders CLUSTER ON orders_pkey;
ALTER TABLE app.orders REPLICA IDENTITY FULL;
COMMENT ON INDEX app.orders_by_customer IS 'an index''s comment';
CREATE STATISTICS app.related (dependencies, ndistinct) ON customer, amount FROM app.orders;
ALTER STATISTICS app.related OWNER TO bob;
CREATE TABLE app.rooms (
    room integer, during tstzrange,
    EXCLUDE USING gist (during WITH &&) WHERE (room IS NOT NULL)
);

-- Foreign keys in a circle, and to itself
CREATE TABLE app.chickens (id integer PRIMARY KEY, egg integer, parent integer REFERENCES app.chickens (id));
CREATE TABLE app.eggs (id integer PRIMARY KEY, chicken integer REFERENCES app.chickens (id) DEFERRABLE);
ALTER TABLE app.chickens ADD FOREIGN KEY (egg) REFERENCES app.eggs (id) NOT VALID;

-- Partitions, inheritance, typed, unlogged, another access method, no columns
CREATE TABLE app.measures (at date NOT NULL, sensor integer NOT NULL, value float8, PRIMARY KEY (at, sensor)) PARTITION BY RANGE (at);
CREATE TABLE app.measures_2023 PARTITION OF app.measures FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE app.measures_2024 PARTITION OF app.measures FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY HASH (sensor);
CREATE TABLE app.measures_2024_0 PARTITION OF app.measures_2024 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE app.measures_2024_1 (sensor integer NOT NULL, value float8, gone text, at date NOT NULL);
ALTER TABLE app.measures_2024_1 DROP COLUMN gone;
ALTER TABLE app.measures_2024 ATTACH PARTITION app.measures_2024_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE app.measures_rest PARTITION OF app.measures DEFAULT;
CREATE INDEX measures_by_value ON app.measures (value);
CREATE TABLE app.by_mood (feeling app.mood NOT NULL, n integer) PARTITION BY HASH (feeling);
CREATE TABLE app.by_mood_0 PARTITION OF app.by_mood FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE app.by_mood_1 PARTITION OF app.by_mood FOR VALUES WITH (MODULUS 2, REMAINDER 1);
ALTER TABLE app.by_mood ADD PRIMARY KEY (feeling);
CREATE TABLE app.by_list (k text, v integer) PARTITION BY LIST (k);
CREATE TABLE app.by_list_ab PARTITION OF app.by_list (v DEFAULT 7) FOR VALUES IN ('a', 'b', NULL);
CREATE TABLE app.referring (at date, sensor integer, FOREIGN KEY (at, sensor) REFERENCES app.measures (at, sensor));
CREATE TABLE app.base_table (a integer CHECK (a > 0), b text);
CREATE TABLE app.child_table (c integer) INHERITS (app.base_table);
ALTER TABLE app.child_table ALTER COLUMN b SET DEFAULT 'x';
CREATE TABLE app.typed OF app.point3 (PRIMARY KEY (x));
CREATE UNLOGGED TABLE app.fleeting (id integer);
CREATE TABLE app.other_method (id integer) USING heap2;
CREATE TABLE app.no_columns ();
CREATE TABLE app.only_dropped (a integer);
ALTER TABLE app.only_dropped DROP COLUMN a;
CREATE TABLE "Odd ""Schema"" ä"."Tab.le
with ""all"" of it" ("Co""l" integer, "select" text, "ü" text, "back\slash" text);

-- Sequences
CREATE SEQUENCE app.alone AS smallint START 7 INCREMENT -3 MINVALUE -100 MAXVALUE 100 CACHE 5 CYCLE OWNED BY NONE;
ALTER SEQUENCE app.alone OWNER TO alice;
GRANT USAGE ON SEQUENCE app.alone TO bob;
CREATE SEQUENCE app.untouched;
CREATE SEQUENCE app.owned OWNED BY app.rooms.room;
ALTER TABLE app.rooms ALTER COLUMN room SET DEFAULT nextval('app.owned');

-- Views, rules, policies, triggers
CREATE VIEW app.names AS SELECT id, name FROM app.customers WHERE id > 0 WITH LOCAL CHECK OPTION;
ALTER VIEW app.names OWNER TO alice;
ALTER VIEW app.names ALTER COLUMN name SET DEFAULT 'nobody';
CREATE VIEW app.needs_key WITH (security_barrier) AS SELECT id, name, count(*) AS n FROM app.customers GROUP BY id;
CREATE RECURSIVE VIEW app.numbers (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < 5;
CREATE MATERIALIZED VIEW app.summary AS SELECT customer, sum(amount) AS total FROM app.orders GROUP BY customer;
ALTER MATERIALIZED VIEW app.summary OWNER TO alice;
CREATE UNIQUE INDEX summary_key ON app.summary (customer);
CREATE MATERIALIZED VIEW app.a_summary_of_summary AS SELECT count(*) AS n, max(total) AS most FROM app.summary;
CREATE MATERIALIZED VIEW app.not_filled AS SELECT 1 AS one WITH NO DATA;
CREATE MATERIALIZED VIEW app.after_key AS SELECT * FROM app.needs_key;
CREATE INDEX after_key_index ON app.after_key (n);
GRANT SELECT ON app.orders TO alice;
CREATE RULE no_deletes AS ON DELETE TO app.names DO INSTEAD NOTHING;
CREATE RULE log_updates AS ON UPDATE TO app.rooms DO ALSO NOTIFY rooms;
CREATE FUNCTION app.stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := coalesce(NEW.note, '') || '!'; RETURN NEW; END $$;
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE OF note ON app.orders FOR EACH ROW WHEN (NEW.note IS NOT NULL) EXECUTE FUNCTION app.stamp();
CREATE TRIGGER sleeping AFTER DELETE ON app.orders FOR EACH STATEMENT EXECUTE FUNCTION app.stamp();
ALTER TABLE app.orders DISABLE TRIGGER sleeping;
CREATE TRIGGER everywhere BEFORE INSERT ON app.orders FOR EACH ROW EXECUTE FUNCTION app.stamp();
ALTER TABLE app.orders ENABLE ALWAYS TRIGGER everywhere;
CREATE CONSTRAINT TRIGGER watched AFTER INSERT ON app.chickens DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.stamp();
COMMENT ON TRIGGER stamp ON app.orders IS 'a trigger''s comment';
ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON app.orders AS RESTRICTIVE FOR SELECT TO alice, readers USING (customer > 0);
CREATE POLICY "all of it" ON app.orders USING (true) WITH CHECK (amount < 1e9);
COMMENT ON POLICY own ON app.orders IS 'a policy''s comment';

-- Publications, subscriptions, event triggers
CREATE PUBLICATION "some" FOR TABLE app.orders (id, customer, amount) WHERE (amount > 0) WITH (publish = 'insert');
CREATE PUBLICATION by_schema FOR TABLES IN SCHEMA public;
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE SUBSCRIPTION quiet CONNECTION 'host=nowhere dbname=x' PUBLICATION p WITH (connect = false);
CREATE FUNCTION app.on_command() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app.commands VALUES (tg_tag);
END $$;
CREATE TABLE app.commands (tag text);
CREATE EVENT TRIGGER watch_commands ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'DROP TABLE', 'REFRESH MATERIALIZED VIEW', 'CREATE SCHEMA') EXECUTE FUNCTION app.on_command();
COMMENT ON EVENT TRIGGER watch_commands IS 'an event trigger''s comment';
ALTER EVENT TRIGGER watch_commands ENABLE ALWAYS;

-- Owned by a role whose name needs quotes
CREATE TABLE app.quoted_owner (id integer);
ALTER TABLE app.quoted_owner OWNER TO "Role With ""Quotes""";
REVOKE ALL ON app.quoted_owner FROM "Role With ""Quotes""";
GRANT SELECT ON app.quoted_owner TO PUBLIC;
