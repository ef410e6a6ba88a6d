-- One turn of the workload: money moves, events are written. The sum over all accounts never changes.
\set QUIET on
DO $$
DECLARE
  -- Drawn once a turn: random() in a WHERE clause is drawn anew for every row.
  payer int;
  payee int;
BEGIN
  FOR i IN 1..200 LOOP
    payer := 1 + floor(random() * 50);
    payee := 51 + floor(random() * 50);
    UPDATE shop.accounts SET balance = balance - 1 WHERE id = payer;
    UPDATE shop.accounts SET balance = balance + 1 WHERE id = payee;
    INSERT INTO audit.events (remark) VALUES ('turn ' || i);
    COMMIT;
  END LOOP;
END $$;
