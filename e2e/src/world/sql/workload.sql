-- One turn of the workload: money moves, events are written. The sum over all accounts never changes.
\set QUIET on
DO $$
BEGIN
  FOR i IN 1..200 LOOP
    UPDATE shop.accounts SET balance = balance - 1 WHERE id = 1 + floor(random() * 50)::int;
    UPDATE shop.accounts SET balance = balance + 1 WHERE id = 51 + floor(random() * 50)::int;
    INSERT INTO audit.events (remark) VALUES ('turn ' || i);
    COMMIT;
  END LOOP;
END $$;
