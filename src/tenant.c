/*
 * tenant.c
 *		What a decision must know of agents, customers and organizations; see tenant.h.
 *
 * These rows change rarely and are needed by every decision, so that each
 * backend remembers them, the way the server remembers its catalogs: a trigger
 * on the tables sends an invalidation with every change, whoever makes it, and
 * the server delivers it before the change's locks are given back.  A decision
 * holds the configuration locks when it looks; what is valid then is current.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "adoption.h"
#include "compat.h"
#include "configuration.h"
#include "fault.h"
#include "lock.h"
#include "module.h"
#include "principal.h"
#include "tenant.h"

PG_FUNCTION_INFO_V1(la_forget_tenants);

/* Customers, agents and cards that a backend remembers; about half a kilobyte each. */
#define MAX_REMEMBERED 32768

/* Bytes of rules beside them. */
#define MAX_RULES (32 * 1024 * 1024)

typedef struct RememberedTenant
{
	uint64		key;			/* the number of the customer's lock */
	char	   *organization_id;
	char	   *customer_id;
	LaTenant	tenant;
} RememberedTenant;

typedef struct RememberedAgent
{
	uint64		key;			/* the number of the agent's lock */
	char	   *organization_id;
	pg_uuid_t	id;
	LaAgentFacts facts;
} RememberedAgent;

typedef struct RememberedCard
{
	uint64		key;
	char	   *organization_id;
	pg_uuid_t	id;
	LaCardFacts facts;
} RememberedCard;

static MemoryContext memory = NULL;
static HTAB *tenants = NULL;
static HTAB *agents = NULL;
static HTAB *cards = NULL;
static RememberedTenant *latest = NULL;
static Size remembered_rules = 0;
static bool valid = false;		/* nothing has changed since they were emptied */
static bool added = false;		/* something was remembered in this
								 * transaction */

/* What the invalidations are sent for. */
static Oid	organizations_index;
static Oid	customers_index;
static Oid	agents_index;
static Oid	cards_index;
static Oid	policies_index;

/*
 * ledger_agents.forget_tenants() returns trigger
 *		Tells every backend to read organizations, customers and agents anew.
 *
 * The invalidation is that of the table's primary key: the table's own would
 * also throw away every plan that reads it.
 */
Datum
la_forget_tenants(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("forget_tenants() must be called as a trigger"));
	CacheInvalidateRelcacheByRelid(RelationGetPrimaryKeyIndex(trigger->tg_relation, false));
	return PointerGetDatum(NULL);
}

static void
note_invalidation(Datum arg, Oid relation)
{
	la_forget_adoption(relation);
	if (relation == InvalidOid || relation == organizations_index ||
#if LA_MUTANT != 30
		relation == cards_index ||
#endif
#if LA_MUTANT != 31
		relation == policies_index ||
#endif
		relation == customers_index || relation == agents_index)
		valid = false;
}

/* What was remembered may be what this transaction made, and takes back now. */
static void
at_end_of_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT && added)
		valid = false;
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE)
		added = false;
}

static void
at_end_of_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
						 void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && added)
		valid = false;
}

void
la_tenant_init(void)
{
	CacheRegisterRelcacheCallback(note_invalidation, (Datum) 0);
	RegisterXactCallback(at_end_of_transaction, NULL);
	RegisterSubXactCallback(at_end_of_subtransaction, NULL);
}

static HTAB *
empty_table(const char *name, Size entry)
{
	HASHCTL		control = {.keysize = sizeof(uint64), .entrysize = entry, .hcxt = memory};

	return hash_create(name, 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Forgets everything; from here on invalidations are watched for. */
static void
begin_anew(void)
{
	Oid			schema = get_namespace_oid("ledger_agents", false);

	if (memory == NULL)
		memory = AllocSetContextCreate(TopMemoryContext, "ledger_agents tenants",
									   ALLOCSET_DEFAULT_SIZES);

	/*
	 * Should there be no memory for the tables nobody may look into those
	 * that are gone.
	 */
	valid = false;
	MemoryContextReset(memory);
	remembered_rules = 0;
	latest = NULL;
	la_fault("making room for what is remembered");
	tenants = empty_table("ledger_agents tenants", sizeof(RememberedTenant));
	agents = empty_table("ledger_agents agents", sizeof(RememberedAgent));
	cards = empty_table("ledger_agents cards", sizeof(RememberedCard));
	cards_index = get_relname_relid("cards_pkey", schema);
	policies_index = get_relname_relid("policies_pkey", schema);
	organizations_index = get_relname_relid("organizations_pkey", schema);
	customers_index = get_relname_relid("customers_pkey", schema);
	agents_index = get_relname_relid("agents_pkey", schema);
	valid = true;
}

/* Makes what is remembered current; the caller holds the configuration lock of what it looks for. */
static void
catch_up(void)
{
#if LA_MUTANT != 9
	AcceptInvalidationMessages();
	if (!valid)
		begin_anew();
#else
	if (tenants == NULL)
		begin_anew();
#endif
}

/* False: something has changed since the caller caught up. */
static bool
may_remember(void)
{
	if (!valid)
		return false;
	if (hash_get_num_entries(tenants) + hash_get_num_entries(agents) +
		hash_get_num_entries(cards) >= MAX_REMEMBERED || remembered_rules > MAX_RULES)
		begin_anew();
	added = true;
	return true;
}

static char *
keep_text(const char *text)
{
	return text == NULL ? NULL : MemoryContextStrdup(memory, text);
}

static LaRules *
keep_rules(const LaRules *rules)
{
	MemoryContext caller = MemoryContextSwitchTo(memory);
	LaRules    *kept = la_copy_rules(rules);

	MemoryContextSwitchTo(caller);
	remembered_rules += kept == NULL ? 0 : kept->size;
	return kept;
}

static char *
copy_text(const char *text)
{
	return text == NULL ? NULL : pstrdup(text);
}

/* The limits point to the name of their currency. */
static void
set_currency(LaTenant *tenant)
{
	tenant->organization_limit.currency = tenant->currency;
	tenant->organization_limit.counter_currency = tenant->currency;
	tenant->customer_limit.currency = tenant->currency;
	tenant->customer_limit.counter_currency = tenant->currency;
}

/* A copy that outlives the call. */
static void
remember_tenant(uint64 key, const char *organization_id, const char *customer_id,
				const LaTenant *tenant)
{
	RememberedTenant *entry;

	if (!may_remember())
		return;
	entry = hash_search(tenants, &key, HASH_ENTER, NULL);
	entry->organization_id = keep_text(organization_id);
	entry->customer_id = keep_text(customer_id);
	entry->tenant = *tenant;
	entry->tenant.zone = keep_text(tenant->zone);
	entry->tenant.currency = keep_text(tenant->currency);
	entry->tenant.customer_rules = keep_rules(tenant->customer_rules);
	set_currency(&entry->tenant);
	latest = entry;
}

/* A copy for the call, as the original may be forgotten meanwhile. */
static LaTenant *
copy_tenant(const LaTenant *known)
{
	LaTenant   *tenant = palloc(sizeof(LaTenant));

	*tenant = *known;
	tenant->zone = copy_text(tenant->zone);
	tenant->currency = copy_text(tenant->currency);
	tenant->customer_rules = la_copy_rules(tenant->customer_rules);
	set_currency(tenant);
	return tenant;
}

/* Two customers may have one number: the names decide. */
static const LaTenant *
known_tenant(const char *organization_id, const char *customer_id, uint64 key)
{
	RememberedTenant *entry;

	catch_up();
	entry = hash_search(tenants, &key, HASH_FIND, NULL);
	if (entry == NULL || strcmp(entry->organization_id, organization_id) != 0 ||
		strcmp(entry->customer_id, customer_id) != 0)
		return NULL;
	return copy_tenant(&entry->tenant);
}

/* Another customer of the organization that was met last; NULL: of another one. */
static const LaTenant *
known_sibling(const char *organization_id)
{
	if (latest == NULL || strcmp(latest->organization_id, organization_id) != 0)
		return NULL;
	return copy_tenant(&latest->tenant);
}

const LaTenant *
la_tenant(const char *organization_id, const char *customer_id, uint64 key, LaView view)
{
	const LaTenant *known = NULL;
	const LaTenant *sibling = NULL;
	LaTenant   *tenant;

	if (view == LA_LATEST)
	{
		known = known_tenant(organization_id, customer_id, key);
		if (known != NULL)
			return known;
		sibling = known_sibling(organization_id);
	}
	tenant = palloc0(sizeof(LaTenant));
	la_read_tenant(organization_id, customer_id, view, sibling, tenant);
	if (view == LA_LATEST)
		remember_tenant(key, organization_id, customer_id, tenant);
	return tenant;
}

static const LaAgentFacts *
known_agent(const char *organization_id, const pg_uuid_t *id, uint64 key)
{
	RememberedAgent *entry;
	LaAgentFacts *facts;

	catch_up();
	entry = hash_search(agents, &key, HASH_FIND, NULL);
	if (entry == NULL || strcmp(entry->organization_id, organization_id) != 0 ||
		memcmp(&entry->id, id, UUID_LEN) != 0)
		return NULL;
	facts = palloc(sizeof(LaAgentFacts));
	*facts = entry->facts;
	facts->customer_id = copy_text(facts->customer_id);
	facts->limit.currency = facts->limit.counter_currency = copy_text(facts->limit.currency);
	facts->own_rules = la_copy_rules(facts->own_rules);
	facts->rules = la_copy_rules(facts->rules);
	return facts;
}

static void
remember_agent(const char *organization_id, const pg_uuid_t *id, uint64 key,
			   const LaAgentFacts *facts)
{
	RememberedAgent *entry;

	if (!may_remember())
		return;
	entry = hash_search(agents, &key, HASH_ENTER, NULL);
	entry->organization_id = keep_text(organization_id);
	entry->id = *id;
	entry->facts = *facts;
	entry->facts.customer_id = keep_text(facts->customer_id);
	entry->facts.limit.currency = entry->facts.limit.counter_currency =
		keep_text(facts->limit.currency);
	entry->facts.own_rules = keep_rules(facts->own_rules);
	entry->facts.rules = keep_rules(facts->rules);
}

const LaAgentFacts *
la_agent(const char *organization_id, const pg_uuid_t *id, uint64 key, LaView view)
{
	const LaAgentFacts *facts = NULL;

#if LA_MUTANT != 3
	if (view == LA_LATEST)
		facts = known_agent(organization_id, id, key);
#else
	view = LA_STATEMENT;
#endif
	if (facts != NULL)
		return facts;
	facts = la_read_agent_facts(organization_id, id, view);
	if (facts == NULL)
		la_unknown_uuid("agent", id);
	if (view == LA_LATEST)
		remember_agent(organization_id, id, key, facts);
	return facts;
}

static const LaCardFacts *
known_card(const char *organization_id, const pg_uuid_t *id, uint64 key)
{
	RememberedCard *entry;
	LaCardFacts *facts;

	catch_up();
	entry = hash_search(cards, &key, HASH_FIND, NULL);
	if (entry == NULL || strcmp(entry->organization_id, organization_id) != 0 ||
		memcmp(&entry->id, id, UUID_LEN) != 0)
		return NULL;
	facts = palloc(sizeof(LaCardFacts));
	*facts = entry->facts;
	facts->rules = la_copy_rules(facts->rules);
	return facts;
}

static void
remember_card(const char *organization_id, const pg_uuid_t *id, uint64 key,
			  const LaCardFacts *facts)
{
	RememberedCard *entry;

	if (!may_remember())
		return;
	entry = hash_search(cards, &key, HASH_ENTER, NULL);
	entry->organization_id = keep_text(organization_id);
	entry->id = *id;
	entry->facts = *facts;
	entry->facts.rules = keep_rules(facts->rules);
}

const LaCardFacts *
la_card(const char *organization_id, const pg_uuid_t *id, LaView view)
{
	uint64		key = la_lock_key(organization_id, id, UUID_LEN);
	const LaCardFacts *known = view == LA_LATEST ? known_card(organization_id, id, key) : NULL;

	if (known != NULL)
		return known;
	known = la_read_card_facts(organization_id, id, view);
	if (known != NULL && view == LA_LATEST)
		remember_card(organization_id, id, key, known);
	return known;
}
