-- For apps that speak HTTP: an order and its authorization in one transaction, which is one call of PostgREST.
-- Run after shop.sql and ../postgrest/roles.sql; then PostgREST serves db-schemas = "ledger_agents_api, shop".

-- Body: id, amount, merchant. Answer: decision, reason, maxApprovable, retryAt, remaining, replayed.
-- It acts as the agent whose token came in the header Api-Key. Errors are raised, so that they undo the order, too.
CREATE FUNCTION shop.place_order(jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET ledger_agents.lock_timeout = '2s'
AS $$
DECLARE
	answer record;
BEGIN
	SELECT * INTO answer
	FROM ledger_agents.authorize(amount => ($1 ->> 'amount')::bigint, merchant => $1 ->> 'merchant',
		idempotency_key => 'order-' || ($1 ->> 'id'));
	-- Replayed: an earlier call was committed, and with it the order.
	IF NOT answer.replayed THEN
		INSERT INTO shop.orders (id, merchant, amount, decision, reason, authorization_id)
		VALUES ($1 ->> 'id', $1 ->> 'merchant', answer.amount, answer.decision, answer.reason, answer.id);
	END IF;
	RETURN jsonb_build_object('decision', answer.decision, 'reason', answer.reason, 'maxApprovable', answer.max_approvable,
		'retryAt', answer.retry_at, 'remaining', answer.remaining, 'replayed', answer.replayed);
END
$$;

-- It has the rights of the app's role, and who comes by HTTP has only the right to call it.
ALTER FUNCTION shop.place_order OWNER TO shop_app;
REVOKE ALL ON FUNCTION shop.place_order FROM PUBLIC;
GRANT EXECUTE ON FUNCTION shop.place_order TO ledger_agents_web;
GRANT USAGE ON SCHEMA shop TO ledger_agents_web;
