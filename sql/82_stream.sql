/*
 * The stream of events: every event gets a position, and consumers read from
 * where they have acknowledged.
 *
 * Transactions commit in another order than they write.  A writer therefore
 * leaves the id of its event in the inbox, and a poll moves what it finds there
 * to positions without gaps: what is committed later gets a later position, and
 * is never behind a consumer.  Nothing stored refers to transactions, so a
 * restored database goes on where the dump stood.
 */
CREATE TABLE ledger_agents.event_inbox (
	organization_id text COLLATE "C" NOT NULL,
	event_id uuid NOT NULL,
	CONSTRAINT event_inbox_pkey PRIMARY KEY (organization_id, event_id)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.event_inbox', '');

COMMENT ON TABLE ledger_agents.event_inbox IS
'Events that have no position yet: no poll has seen them committed.';
COMMENT ON COLUMN ledger_agents.event_inbox.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.event_inbox.event_id IS 'The event.';

/* No foreign keys here, as on events. check_invariants() proves the references. */
CREATE TABLE ledger_agents.event_positions (
	organization_id text COLLATE "C" NOT NULL,
	position bigint NOT NULL,
	event_id uuid NOT NULL,
	CONSTRAINT event_positions_pkey PRIMARY KEY (organization_id, position),
	/* Reader: ack_events. */
	CONSTRAINT event_positions_event_id_key UNIQUE (organization_id, event_id)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.event_positions', '');

COMMENT ON TABLE ledger_agents.event_positions IS
'Where each event stands in the stream of its organization.';
COMMENT ON COLUMN ledger_agents.event_positions.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.event_positions.position IS 'Its place, 1 and up without gaps.';
COMMENT ON COLUMN ledger_agents.event_positions.event_id IS 'The event.';

CREATE TABLE ledger_agents.event_streams (
	organization_id text COLLATE "C" NOT NULL,
	last_position bigint NOT NULL DEFAULT 0,
	CONSTRAINT event_streams_pkey PRIMARY KEY (organization_id),
	CONSTRAINT event_streams_last_position_range CHECK (last_position >= 0)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.event_streams', '');

COMMENT ON TABLE ledger_agents.event_streams IS
'How far the events of each organization have positions. The row is the lock of who gives them.';
COMMENT ON COLUMN ledger_agents.event_streams.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.event_streams.last_position IS 'The last position given, 0 when none was.';

CREATE TABLE ledger_agents.event_consumers (
	organization_id text COLLATE "C" NOT NULL,
	name text COLLATE "C" NOT NULL,
	acked_position bigint NOT NULL,
	polled_position bigint NOT NULL,
	created_at timestamptz NOT NULL,
	acked_at timestamptz,
	CONSTRAINT event_consumers_pkey PRIMARY KEY (organization_id, name),
	CONSTRAINT event_consumers_name_length CHECK (pg_catalog.char_length(name) BETWEEN 1 AND 255),
	CONSTRAINT event_consumers_position_order CHECK (acked_position BETWEEN 0 AND polled_position)
);
SELECT pg_catalog.pg_extension_config_dump('ledger_agents.event_consumers', '');

COMMENT ON TABLE ledger_agents.event_consumers IS
'Who reads events, and how far. Made by the first poll.';
COMMENT ON COLUMN ledger_agents.event_consumers.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.event_consumers.name IS 'Chosen by the consumer, 1 to 255 characters.';
COMMENT ON COLUMN ledger_agents.event_consumers.acked_position IS 'Everything up to it was handled; 0 when nothing was.';
COMMENT ON COLUMN ledger_agents.event_consumers.polled_position IS 'Everything up to it was returned by polls that have committed; nothing beyond can be acknowledged.';
COMMENT ON COLUMN ledger_agents.event_consumers.created_at IS 'When it first polled.';
COMMENT ON COLUMN ledger_agents.event_consumers.acked_at IS 'When it last acknowledged something new, or null.';

CREATE TYPE ledger_agents.event_detail AS (
	organization_id text,
	id uuid,
	position bigint,
	type ledger_agents.event_type,
	agent_id uuid,
	data jsonb,
	created_at timestamptz
);
COMMENT ON TYPE ledger_agents.event_detail IS 'An event as poll_events returns it.';
COMMENT ON COLUMN ledger_agents.event_detail.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.event_detail.id IS 'Version 7 uuid. The same each time it is returned: what a receiver knows repetitions by.';
COMMENT ON COLUMN ledger_agents.event_detail.position IS 'Its place in the organization''s stream, 1 and up without gaps. It is final once the poll has committed.';
COMMENT ON COLUMN ledger_agents.event_detail.type IS 'What happened.';
COMMENT ON COLUMN ledger_agents.event_detail.agent_id IS 'The agent that it is about.';
COMMENT ON COLUMN ledger_agents.event_detail.data IS 'The payload. Amounts in minor units.';
COMMENT ON COLUMN ledger_agents.event_detail.created_at IS 'When it was written, inside the transaction that did it.';

CREATE TYPE ledger_agents.event_consumer_detail AS (
	organization_id text,
	name text,
	acked_position bigint,
	polled_position bigint,
	acknowledged bigint,
	waiting bigint,
	created_at timestamptz,
	acked_at timestamptz
);
COMMENT ON TYPE ledger_agents.event_consumer_detail IS 'A consumer as the functions return it.';
COMMENT ON COLUMN ledger_agents.event_consumer_detail.organization_id IS 'The organization.';
COMMENT ON COLUMN ledger_agents.event_consumer_detail.name IS 'Its name.';
COMMENT ON COLUMN ledger_agents.event_consumer_detail.acked_position IS 'Everything up to it was handled; 0 when nothing was.';
COMMENT ON COLUMN ledger_agents.event_consumer_detail.polled_position IS 'Everything up to it was returned by polls.';
COMMENT ON COLUMN ledger_agents.event_consumer_detail.acknowledged IS 'How many events this call of ack_events has acknowledged that were not before; null from other functions.';
COMMENT ON COLUMN ledger_agents.event_consumer_detail.waiting IS 'How many events that have a position it has not acknowledged. Those in event_inbox come on top: the next poll of any consumer numbers them.';
COMMENT ON COLUMN ledger_agents.event_consumer_detail.created_at IS 'When it first polled.';
COMMENT ON COLUMN ledger_agents.event_consumer_detail.acked_at IS 'When it last acknowledged something new, or null.';

CREATE FUNCTION ledger_agents.poll_events(
	consumer text,
	max_rows integer DEFAULT 100,
	organization_id text DEFAULT NULL)
RETURNS SETOF ledger_agents.event_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_poll_events';
COMMENT ON FUNCTION ledger_agents.poll_events IS
'The next 1 to 1000 events after what the consumer has acknowledged, in order of position; the same ones again until it acknowledges them. A name that is new becomes a consumer, from the earliest event kept. Poll in a transaction of its own, and handle what came after its commit: while a transaction that has polled is open, only what had a position before is seen by others. Errors: 22004, 22023 for a wrong name or max_rows, P0002 unknown organization, 25006 on a standby or in a read-only transaction.';

CREATE FUNCTION ledger_agents.ack_events(
	consumer text,
	up_to uuid,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.event_consumer_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_ack_events';
COMMENT ON FUNCTION ledger_agents.ack_events IS
'Acknowledges everything up to the event with that id, the last one handled; it moves forward only, and what was acknowledged before counts 0. It takes an id because a position of a poll that was rolled back may by now belong to another event; and for the same reason an event that no committed poll has returned to this consumer cannot be acknowledged, as others that it has never seen may stand before it. Errors: 22004, P0002 for an unknown consumer, or an unknown event or one without position, 55000 event_not_polled, 25006 on a standby or in a read-only transaction.';

CREATE FUNCTION ledger_agents.list_event_consumers(
	organization_id text DEFAULT NULL)
RETURNS SETOF ledger_agents.event_consumer_detail
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_list_event_consumers';
COMMENT ON FUNCTION ledger_agents.list_event_consumers IS
'All consumers of the organization, by name, and how much waits for each.';

CREATE FUNCTION ledger_agents.delete_event_consumer(
	consumer text,
	organization_id text DEFAULT NULL)
RETURNS ledger_agents.event_consumer_detail
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_delete_event_consumer';
COMMENT ON FUNCTION ledger_agents.delete_event_consumer IS
'Forgets a consumer, and returns it as it was; a later poll under its name begins anew. One that nobody runs any more should be forgotten: what it has not acknowledged is kept for it. Error: P0002 unknown consumer.';

CREATE FUNCTION ledger_agents.sign_event(
	event ledger_agents.event_detail,
	secret text,
	at timestamptz DEFAULT NULL,
	OUT body text,
	OUT header text)
RETURNS record
LANGUAGE c STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'la_sign_event';
COMMENT ON FUNCTION ledger_agents.sign_event IS
'The event as a webhook: body is {id, type, organizationId, createdAt in milliseconds of the Unix epoch, data}; header is t=<unix seconds>,v1=<HMAC-SHA256 of "t.body", in hexadecimal>, signed at that instant (default: now). Send body as it is, in UTF-8. Give the secret as a parameter: a literal shows in logs. Errors: 22004, 22023 for an empty secret, 22008 for an instant that is infinite or before 1970.';
