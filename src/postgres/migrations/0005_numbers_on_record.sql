-- A number is taken by the row that bears it and not by asking for one: a request that is refused at its append takes
-- none, so nobody looks for a run that never was. Two that were told the same number meet at the append: one conflicts.
CREATE FUNCTION kong_chatops.take_run_number() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  INSERT INTO kong_chatops.run_numbers AS n (letter, last) VALUES (left(NEW.id, 1), substr(NEW.id, 3)::bigint)
  ON CONFLICT (letter) DO UPDATE SET last = greatest(n.last, excluded.last);
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION kong_chatops.take_run_number() FROM PUBLIC;
-- On the index, because it is written under the append lock, and again where the index is made anew from the log.
CREATE TRIGGER number_taken AFTER INSERT ON kong_chatops.runs
  FOR EACH ROW WHEN (NEW.id ~ '^[A-Z]-[1-9][0-9]{0,17}$') EXECUTE FUNCTION kong_chatops.take_run_number();

CREATE OR REPLACE FUNCTION kong_chatops.next_run_number(p_letter text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce((SELECT last FROM kong_chatops.run_numbers WHERE letter = p_letter), 0) + 1
$$;
