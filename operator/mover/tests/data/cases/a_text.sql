-- Types that travel in text, and text that looks like COPY's own marks. A column of a domain makes a table travel as text.
CREATE DOMAIN a_text AS text;
-- A2.1
CREATE TABLE a_numeric (n numeric);
INSERT INTO a_numeric VALUES (repeat('9',131072)::numeric), (('-'||repeat('9',131072)||'.'||repeat('9',16383))::numeric), (('0.'||repeat('0',16382)||'1')::numeric);
CREATE TABLE a_numeric_text (n numeric, t a_text); INSERT INTO a_numeric_text SELECT n, 'x' FROM a_numeric;
-- A2.2
CREATE TABLE a_floats_text (f4 real, f8 double precision, t a_text);
INSERT INTO a_floats_text VALUES ('NaN','NaN',''), ('-0','-0',''), ('1.4e-45','4.9406564584124654e-324',''), ('0.1','0.30000000000000004',''),
 ('3.4028235e38','1.7976931348623157e308',''), ('Infinity','-Infinity','');
-- A2.3
CREATE TABLE a_interval_text (i interval, d date, tz timestamptz, t a_text);
INSERT INTO a_interval_text VALUES ('178000000 years','4713-01-01 BC','infinity',''), ('1 mon -2 days +03:04:05.678901','5874897-12-31','0001-12-31 23:59:59+00 BC',''),
 ('-1 mon +2 days -00:00:00.000001','-infinity','294276-12-31 23:59:59.999999+00','');
-- A2.4
CREATE TABLE a_lone (t a_text);
INSERT INTO a_lone VALUES ('\.'),('\N'),(''),(NULL),(E'\t'),(E'\r'),(E'\n'),(E'\r\n'),('\'),('\\.'),(E'\b\f\x0b'),(E'\x01\x7f'),('😀'),(E'a\tb\rc\nd\\e'),('NULL'),('"');
CREATE TABLE a_lone_binary AS SELECT t::text AS t FROM a_lone;
-- A2.5 A2.6
CREATE TYPE a_mood AS ENUM ('sad','it''s "ok"','\N'); CREATE TYPE a_pair AS (a int, b text);
CREATE TYPE a_nest AS (p a_pair, ps a_pair[], m a_mood);
CREATE DOMAIN a_pos AS int CHECK (VALUE > 0); CREATE DOMAIN a_even AS a_pos CHECK (VALUE % 2 = 0);
CREATE DOMAIN a_pair_ok AS a_pair CHECK ((VALUE).a > 0);
CREATE TYPE a_span AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = float8mi, MULTIRANGE_TYPE_NAME = a_spans);
CREATE TABLE a_odd (m a_mood, ma a_mood[], e a_even, ea a_pos[], np a_nest, dp a_pair_ok, pa a_pair[], r a_span, rs a_spans, i8 int8range, tz tstzrange, dr daterange, im int4multirange);
INSERT INTO a_odd VALUES ('\N','{"\\N",NULL,sad}',4,'[5:6]={1,2}', ROW(ROW(1,'a,"(\')::a_pair, ARRAY[ROW(2,NULL)::a_pair],'sad')::a_nest,
 ROW(1,'')::a_pair::a_pair_ok, ARRAY[ROW(1,E'\t')::a_pair,NULL], '[-Infinity,0.1]','{[1,2],(5,6)}','(,)','[2024-01-01 00:00+00,infinity]','empty','{}');
-- A2.7
CREATE TABLE a_shapes (pt point, ln line, ls lseg, bx box, p1 path, p2 path, po polygon, ci circle, b bit(3), vb bit varying);
INSERT INTO a_shapes VALUES ('(-0,1e308)','{1,2,3}','[(0,0),(1,1)]','(1,1),(0,0)','[(0,0),(1,1)]','((0,0),(1,1))','((0,0),(1,1),(1,0))','<(1,2),3>','101','');
-- A2.8
CREATE TABLE a_system (q tsquery, v tsvector, jp jsonpath, l pg_lsn, s pg_snapshot, ts txid_snapshot, x8 xid8, x xid, c cid, t tid, iv int2vector, ov oidvector, a aclitem, rc refcursor);
INSERT INTO a_system VALUES ('''a'' & !''b'':*A','a:1 b:2A','$.a[*] ? (@ > 1)','16/B374D848','10:20:10,14,15','10:20:10,14,15','18446744073709551615','4294967295','7','(42,7)','1 2 3','1 2','=r/postgres','cur');
-- A2.9
CREATE TABLE a_reg (c regclass, ca regclass[], p regproc, pr regprocedure, o regoper, op regoperator, t regtype, r regrole, n regnamespace, co regcollation, cf regconfig, d regdictionary);
INSERT INTO a_reg VALUES ('a_odd','{a_odd,pg_class}','pg_catalog.now','pg_catalog.abs(integer)','pg_catalog.||/','pg_catalog.+(integer,integer)','a_mood[]','postgres','public','"C"','simple','simple'),
 ('1234567',NULL,'-','-','0','0','-','-','-','-','-','-');
-- A2.10
CREATE TABLE a_xml (x xml, xa xml[]);
DO $$ BEGIN INSERT INTO a_xml VALUES ('<a b="&lt;"/>','{<a/>,NULL}'),('text <b/> fragment',NULL),('<!DOCTYPE a><a/>',NULL); EXCEPTION WHEN feature_not_supported THEN NULL; END $$;
CREATE TABLE a_money (m money DEFAULT '1.50'); INSERT INTO a_money VALUES ('-12.34'),(DEFAULT);
-- A2.11
DO $$ DECLARE e text; BEGIN
 FOREACH e IN ARRAY ARRAY['hstore','citext','ltree','cube'] LOOP
  IF EXISTS (SELECT FROM pg_available_extensions WHERE name = e) THEN EXECUTE format('CREATE EXTENSION %I', e); END IF; END LOOP;
 IF to_regtype('hstore') IS NOT NULL AND to_regtype('cube') IS NOT NULL THEN EXECUTE $q$CREATE TABLE a_ext (h hstore, ha hstore[], c citext, l ltree, u cube)$q$;
  EXECUTE $q$INSERT INTO a_ext VALUES ('"a"=>NULL,"b\"c"=>"","k"=>"NULL"','{"a=>1",NULL}','ÄÖ','Top.Science','(1,2),(3,4)')$q$; END IF; END $$;
-- A2.12
CREATE TABLE a_json (j json, js json[], b jsonb, t a_text);
INSERT INTO a_json VALUES (E'{"b" :1,\t"a":  2, "a": 3.00, "u": "\\u00e4\\u0000"}', ARRAY['[ ]','null']::json[], '{"b":1e1000,"a":{"x":[1.00,"\\"]}}', ''), ('"\ud83d\ude00"', '{}', '-0.0', NULL), (NULL, NULL, 'null', '');
