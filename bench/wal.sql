-- Bytes of WAL a decision: after a checkpoint, when each page is written whole once, and in the calls after that.
CREATE PROCEDURE bench.note_wal(competitor text, setting text, since pg_lsn, calls bigint)
LANGUAGE sql
BEGIN ATOMIC
	INSERT INTO bench.results VALUES
		('wal', note_wal.setting, 1, 1, note_wal.competitor, (pg_current_wal_insert_lsn() - since) / calls);
END;

CHECKPOINT;
SELECT pg_current_wal_insert_lsn() AS since \gset
SELECT bench.time_extension(500000000, :calls) AS microseconds \gset
CALL bench.note_wal('extension', 'checkpoint', :'since', :calls);
SELECT pg_current_wal_insert_lsn() AS since \gset
SELECT bench.time_extension(600000000, :calls) AS microseconds \gset
CALL bench.note_wal('extension', 'later', :'since', :calls);

CHECKPOINT;
SELECT pg_current_wal_insert_lsn() AS since \gset
SELECT bench.time_floor(500000000, :calls) AS microseconds \gset
CALL bench.note_wal('floor', 'checkpoint', :'since', :calls);
SELECT pg_current_wal_insert_lsn() AS since \gset
SELECT bench.time_floor(600000000, :calls) AS microseconds \gset
CALL bench.note_wal('floor', 'later', :'since', :calls);

CHECKPOINT;
SELECT pg_current_wal_insert_lsn() AS since \gset
SELECT bench.time_plpgsql(500000000, :calls) AS microseconds \gset
CALL bench.note_wal('plpgsql', 'checkpoint', :'since', :calls);
SELECT pg_current_wal_insert_lsn() AS since \gset
SELECT bench.time_plpgsql(600000000, :calls) AS microseconds \gset
CALL bench.note_wal('plpgsql', 'later', :'since', :calls);
