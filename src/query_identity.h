/*
 * query_identity.h
 *		The statements about who calls, and of what was answered to whom; see query_text.h.
 */

/*
 * Secrets t: agents' tokens and organizations' keys have tables of one form.
 * When they were used is in a table beside theirs, by column id.
 */
#define SECRET_FIELDS(uses, id) \
	"t.name, t.prefix, t.created_at, t.expires_at," \
	" (SELECT u.last_used_at FROM ledger_agents." uses " u" \
	"  WHERE u.organization_id = t.organization_id AND u." id " = t.id), t.revoked_at, "
#define TOKEN_DETAIL(secret) \
	"ROW(t.organization_id, t.id, t.agent_id, " SECRET_FIELDS("agent_token_uses", "token_id") \
	secret ")::ledger_agents.agent_token_detail"
#define KEY_DETAIL(secret) \
	"ROW(t.organization_id, t.id, " SECRET_FIELDS("organization_key_uses", "key_id") \
	secret ", encode(uuid_send(t.id), 'base64'))::ledger_agents.organization_key_detail"

/* What la_param_issued() gives, the secret being $8. */
#define SECRET_TYPES "tuttyzzt"
#define SECRET_INSERT(secrets, uses, id, owner, its_id) \
	"WITH u AS (INSERT INTO ledger_agents." uses " (organization_id, " id ") VALUES ($1, $2))" \
	" INSERT INTO ledger_agents." secrets " AS t (organization_id, id, name, prefix, secret_hash," \
	" created_at, expires_at" owner ") VALUES ($1, $2, $3, $4, $5, $6, $7" its_id ") RETURNING "

/* The only statements that know no organization: they find it. */
#define SECRET_CANDIDATES(secrets, agent) \
	"SELECT t.organization_id, t.id, t.secret_hash," \
	" t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2), " agent \
	" FROM ledger_agents." secrets " t WHERE t.prefix = $1"
#define SECRET_USED(uses, id) \
	"UPDATE ledger_agents." uses " SET last_used_at = $3 WHERE organization_id = $1 AND " id " IN (" \
	"SELECT u." id " FROM ledger_agents." uses " u WHERE u.organization_id = $1 AND u." id " = $2" \
	" AND (u.last_used_at IS NULL OR u.last_used_at < $3 - interval '1 minute')" \
	" FOR NO KEY UPDATE SKIP LOCKED)"
#define SECRET_FIND(secrets, agent) \
	"SELECT t.revoked_at IS NOT NULL, t.expires_at <= $3, t.name, t.expires_at, " agent \
	" FROM ledger_agents." secrets " t WHERE t.organization_id = $1 AND t.id = $2"
#define SECRET_VALID(secrets) \
	"SELECT true FROM ledger_agents." secrets " t WHERE t.organization_id = $1 AND t.id = $2" \
	" AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $3)"
#define SECRET_REVOKE(secrets, which) \
	"UPDATE ledger_agents." secrets " SET revoked_at = $3 WHERE organization_id = $1" \
	" AND " which " = $2 AND revoked_at IS NULL RETURNING id, prefix, name"
#define SECRET_EXPIRE(secrets) \
	"UPDATE ledger_agents." secrets " SET expires_at = $3 WHERE organization_id = $1 AND id = $2" \
	" AND (expires_at IS NULL OR expires_at > $3) RETURNING id"

static const Statement identity_statements[LA_Q_COUNT] = {
	/* 35 token */
	[LA_Q_TOKEN_INSERT] = {SECRET_TYPES "u",
		SECRET_INSERT("agent_tokens", "agent_token_uses", "token_id", ", agent_id", ", $9")
	TOKEN_DETAIL("$8")},
	[LA_Q_TOKEN_CANDIDATES] = {"tz", SECRET_CANDIDATES("agent_tokens", "t.agent_id")},
	[LA_Q_TOKEN_USED] = {"tuz", SECRET_USED("agent_token_uses", "token_id")},
	[LA_Q_TOKEN_FIND] = {"tuz", SECRET_FIND("agent_tokens", "t.agent_id")},
	[LA_Q_TOKEN_GET] = {"tu",
		"SELECT " TOKEN_DETAIL("NULL") " FROM ledger_agents.agent_tokens t"
	" WHERE t.organization_id = $1 AND t.id = $2"},
	[LA_Q_TOKEN_LIST] = {"tu",
		"SELECT " TOKEN_DETAIL("NULL") " FROM ledger_agents.agent_tokens t"
	" WHERE t.organization_id = $1 AND t.agent_id = $2 ORDER BY t.id DESC"},
	[LA_Q_TOKEN_PAGE] = {"tuun",
		"SELECT ROW(t.organization_id, t.id, t.agent_id, " SECRET_FIELDS("agent_token_uses", "token_id")
		" encode(uuid_send(t.id), 'base64'))::ledger_agents.agent_token_summary"
		" FROM ledger_agents.agent_tokens t"
		" WHERE t.organization_id = $1 AND t.agent_id = $2 AND ($3 IS NULL OR t.id < $3)"
	" ORDER BY t.id DESC LIMIT $4"},
	[LA_Q_TOKEN_VALID] = {"tuz", SECRET_VALID("agent_tokens")},
	[LA_Q_TOKEN_REVOKE] = {"tuz", SECRET_REVOKE("agent_tokens", "id")},
	[LA_Q_TOKEN_REVOKE_ALL] = {"tuz", SECRET_REVOKE("agent_tokens", "agent_id")},
	[LA_Q_TOKEN_EXPIRE] = {"tuz", SECRET_EXPIRE("agent_tokens")},

	/* 36 key */
	[LA_Q_KEY_INSERT] = {SECRET_TYPES,
		SECRET_INSERT("organization_keys", "organization_key_uses", "key_id", "", "")
	KEY_DETAIL("$8")},
	[LA_Q_KEY_CANDIDATES] = {"tz", SECRET_CANDIDATES("organization_keys", "NULL::uuid")},
	[LA_Q_KEY_USED] = {"tuz", SECRET_USED("organization_key_uses", "key_id")},
	[LA_Q_KEY_FIND] = {"tuz", SECRET_FIND("organization_keys", "NULL::uuid")},
	[LA_Q_KEY_GET] = {"tu",
		"SELECT " KEY_DETAIL("NULL") " FROM ledger_agents.organization_keys t"
	" WHERE t.organization_id = $1 AND t.id = $2"},
	[LA_Q_KEY_LIST] = {"tun",
		"SELECT " KEY_DETAIL("NULL") " FROM ledger_agents.organization_keys t"
	" WHERE t.organization_id = $1 AND ($2 IS NULL OR t.id < $2) ORDER BY t.id DESC LIMIT $3"},
	[LA_Q_KEY_VALID] = {"tuz", SECRET_VALID("organization_keys")},
	[LA_Q_KEY_REVOKE] = {"tuz", SECRET_REVOKE("organization_keys", "id")},
	[LA_Q_KEY_EXPIRE] = {"tuz", SECRET_EXPIRE("organization_keys")},

	/* 84 adoption: of the database, and so of no organization */
	[LA_Q_ORGANIZATION_ANY] = {"", "SELECT true FROM ledger_agents.organizations o LIMIT 1"},
	[LA_Q_ADOPTION_LAST] = {"",
		"SELECT d.system_identifier, d.database_oid, d.created_at FROM ledger_agents.adoptions d"
	" ORDER BY d.id DESC LIMIT 1"},
	[LA_Q_ADOPTION_INSERT] = {"uiittttz",
		"INSERT INTO ledger_agents.adoptions AS d (id, system_identifier, database_oid,"
		" database_name, reason, principal, database_role, created_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING d"},

	/* 88 answer */
	[LA_Q_ANSWER_FIND] = {"tttt",
	"SELECT r.request_hash, r.answer, r.status, r.created_at FROM " ANSWER},
	[LA_Q_ANSWER_FORGET] = {"tttt", "DELETE FROM " ANSWER},
	[LA_Q_ANSWER_INSERT] = {"ttttyjnz",
		"INSERT INTO ledger_agents.idempotent_answers (organization_id, principal, route, key,"
	" request_hash, answer, status, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"},
	[LA_Q_ANSWER_CLEAN] = {"tz",
		"WITH o AS (SELECT r.principal, r.route, r.key FROM ledger_agents.idempotent_answers r"
		"  WHERE r.organization_id = $1 AND r.created_at <= $2"
		"  ORDER BY r.created_at LIMIT 10 FOR UPDATE SKIP LOCKED)"
		" DELETE FROM ledger_agents.idempotent_answers r USING o WHERE r.organization_id = $1"
	" AND r.principal = o.principal AND r.route = o.route AND r.key = o.key"},

	/* 92 view: what it shows to the caller */
	[LA_Q_VIEW_AGENT] = {"u", "SELECT v.* FROM ledger_agents_api.agents v WHERE v.id = $1"},
	[LA_Q_VIEW_CARD] = {"u", "SELECT v.* FROM ledger_agents_api.cards v WHERE v.id = $1"},
	[LA_Q_VIEW_POLICY] = {"u", "SELECT v.* FROM ledger_agents_api.policies v WHERE v.id = $1"},
	[LA_Q_VIEW_INTENT] = {"u", "SELECT v.* FROM ledger_agents_api.intents v WHERE v.id = $1"},
	[LA_Q_VIEW_AUTHORIZATION] = {"u",
	"SELECT v.* FROM ledger_agents_api.authorizations v WHERE v.id = $1"},
};
