/*
 * The begin of the update from 1.0: what new objects take the place of.
 */
DROP FUNCTION ledger_agents.list_agent_tokens(uuid, text);

