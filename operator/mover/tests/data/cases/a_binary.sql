-- Types that travel in binary, with their extremes.
-- A1.1 A1.2 A1.4
CREATE TABLE a_binary (id int PRIMARY KEY, f4 real, f8 double precision, nu numeric, d date, ts timestamp, tz timestamptz);
INSERT INTO a_binary VALUES
 (1,'NaN','NaN','NaN','infinity','infinity','infinity'), (2,'Infinity','Infinity','Infinity','-infinity','-infinity','-infinity'),
 (3,'-Infinity','-Infinity','-Infinity','4713-01-01 BC','4713-01-01 00:00:00 BC','4713-01-02 00:00:00+00 BC'),
 (4,'-0','-0',0,'5874897-12-31','294276-12-31 23:59:59.999999','294276-12-31 23:59:59.999999+00'),
 (5,'3.4028235e38','1.7976931348623157e308',0.1,'0001-01-01','0001-01-01 00:00:00.000001','0001-12-31 23:59:59+00 BC'),
 (6,'1.4e-45','4.9406564584124654e-324',-1e-300,'2000-02-29','2000-02-29','2000-02-29 12:00+14'),
 (7,'0.1','0.1',1e300,NULL,NULL,NULL), (8,'16777217','0.30000000000000004',0,NULL,NULL,NULL);
-- A1.3
CREATE TABLE a_interval (i interval, y interval year to month, z timetz, t time(3));
INSERT INTO a_interval VALUES ('178000000 years','100 years 11 mons','23:59:59.999999-15:59','24:00'), ('-178000000 years','-1 mon','00:00+15:59','00:00:00.0004'),
 ('1 mon -2 days +03:04:05.678901',NULL,NULL,NULL), ('-1 mon +2 days -00:00:00.000001',NULL,NULL,NULL);
DO $$ BEGIN IF current_setting('server_version_num')::int >= 170000 THEN INSERT INTO a_interval VALUES ('infinity'), ('-infinity'); END IF; END $$;
-- A1.5 A1.6
CREATE TABLE a_more (c "char", ca "char"[], n name, na name[], m macaddr, m8 macaddr8, net cidr, ip inet, ch char(5), cha char(5)[],
 va varchar(9)[], da date[], tza timestamptz[], ia interval[], nua numeric[], neg numeric(6,-2), ua uuid[], jb jsonb, jba jsonb[], bya bytea[], md int[], mt text[], ba boolean[], oa oid[]);
INSERT INTO a_more VALUES ('a','{a,NULL,""}',repeat('n',63),'{"NULL",x}','08:00:2b:01:02:03','08:00:2b:01:02:03:04:05','10/8','::ffff:1.2.3.4/120','ab','{a,"b  "}',
 '{"",NULL}','{infinity,0044-03-15 BC}','{infinity,NULL}','{-1 mon +1 day}','{NaN,Infinity,1e-20}',12345678,'{00000000-0000-0000-0000-000000000000}',
 '{"a":[1,null,"\u00e4"]}','{"{}","[1]"}','{"\\x00ff",NULL}','[-2:-1][5:6]={{1,NULL},{3,4}}','[0:1][0:0]={{a},{"b,\"\\ {}"}}','{t,NULL,f}','{0,4294967295}');
INSERT INTO a_more (md, mt) VALUES ('{}','{}'), ('{{{1}}}','{"NULL",NULL,""}');
