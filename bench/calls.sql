-- Microseconds a call, each loop one transaction of this session.
--
-- The very first calls load the library and make the plans; they are not counted.  Then "first" is the first call for
-- an agent in this session, and "later" the calls after it.
SELECT bench.time_extension(100000000, 100) AS microseconds \gset
SELECT bench.time_plpgsql(100000000, 100) AS microseconds \gset
SELECT bench.time_floor(100000000, 100) AS microseconds \gset
INSERT INTO bench.results VALUES
	('call', 'first', 1, 1, 'extension', bench.time_extension(100000100, 9900));
INSERT INTO bench.results VALUES ('call', 'first', 1, 1, 'plpgsql', bench.time_plpgsql(100000100, 9900));
INSERT INTO bench.results VALUES ('call', 'first', 1, 1, 'floor', bench.time_floor(100000100, 9900));

CREATE PROCEDURE bench.time_all(rounds integer, calls bigint)
LANGUAGE plpgsql AS $$
DECLARE
	start bigint;
	too_much constant bigint := 4000000000000000;
BEGIN
	FOR n IN 1 .. rounds LOOP
		start := 200000000 + n * 10 * calls;
		INSERT INTO bench.results VALUES
			('call', 'later', 1, n, 'extension', bench.time_extension(start, calls));
		COMMIT;
		INSERT INTO bench.results VALUES ('call', 'later', 1, n, 'plpgsql', bench.time_plpgsql(start, calls));
		COMMIT;
		INSERT INTO bench.results VALUES ('call', 'later', 1, n, 'floor', bench.time_floor(start, calls));
		COMMIT;
		INSERT INTO bench.results VALUES
			('call', 'declined', 1, n, 'extension', bench.time_extension(start + calls, calls, too_much));
		COMMIT;
		INSERT INTO bench.results VALUES
			('call', 'declined', 1, n, 'plpgsql', bench.time_plpgsql(start + calls, calls, too_much));
		COMMIT;
	END LOOP;
END
$$;
CALL bench.time_all(:rounds, :calls);
