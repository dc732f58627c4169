/*
 * tenant.c
 *		What a decision must know of organizations and customers; see tenant.h.
 *
 * These rows change rarely and are needed by every decision, so that each
 * backend remembers them, the way the server remembers its catalogs: a trigger
 * on both tables sends an invalidation with every change, whoever makes it, and
 * the server delivers it before the change's locks are given back.  A decision
 * holds the configuration locks when it looks; what is valid then is current.
 */
#include "postgres.h"

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

#include "module.h"
#include "policy.h"
#include "tenant.h"

PG_FUNCTION_INFO_V1(la_forget_tenants);

/* Customers that a backend remembers; about half a kilobyte each. */
#define MAX_REMEMBERED 4096

typedef struct Remembered
{
	uint64		key;			/* the number of the customer's lock */
	char	   *organization_id;
	char	   *customer_id;
	LaTenant	tenant;
} Remembered;

static MemoryContext memory = NULL;
static HTAB *remembered = NULL;
static bool valid = false;		/* nothing has changed since it was emptied */

/* What the invalidations are sent for. */
static Oid	organizations_index;
static Oid	customers_index;

/*
 * ledger_agents.forget_tenants() returns trigger
 *		Tells every backend to read the rows of organizations and customers anew.
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
	CacheInvalidateRelcacheByRelid(RelationGetPrimaryKeyIndex(trigger->tg_relation));
	return PointerGetDatum(NULL);
}

static void
note_invalidation(Datum arg, Oid relation)
{
	if (relation == InvalidOid || relation == organizations_index || relation == customers_index)
		valid = false;
}

void
la_tenant_init(void)
{
	CacheRegisterRelcacheCallback(note_invalidation, (Datum) 0);
}

/* Forgets everything; from here on invalidations are watched for. */
static void
begin_anew(void)
{
	HASHCTL		control = {.keysize = sizeof(uint64), .entrysize = sizeof(Remembered)};
	Oid			schema = get_namespace_oid("ledger_agents", false);

	if (memory == NULL)
		memory = AllocSetContextCreate(TopMemoryContext, "ledger_agents tenants",
									   ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(memory);
	control.hcxt = memory;
	remembered = hash_create("ledger_agents tenants", 256, &control,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	organizations_index = get_relname_relid("organizations_pkey", schema);
	customers_index = get_relname_relid("customers_pkey", schema);
	valid = true;
}

/* Columns of LA_Q_TENANT. */
enum
{
	CUSTOMER_STATUS, CUSTOMER_LIMIT, CUSTOMER_FREQUENCY, CUSTOMER_MODE, CUSTOMER_POLICY,
	ORGANIZATION_STATUS, ORGANIZATION_LIMIT, ORGANIZATION_FREQUENCY, ORGANIZATION_MODE,
	ORGANIZATION_ZONE, ORGANIZATION_CURRENCY, APPROACHING_PERCENT
};

void
la_read_limit(LaLimit *limit, LaScope scope, LaRow row, int first, const char *currency)
{
	memset(limit, 0, sizeof(LaLimit));
	limit->scope = scope;
	limit->set = !row.nulls[first];
	limit->limit = limit->set ? DatumGetInt64(row.values[first]) : 0;
	limit->currency = currency;
	limit->action = LA_ACTION_DECLINE;
	limit->stored_frequency = row.values[first + 1];
	limit->frequency = la_frequency(la_enum_label(limit->stored_frequency), "spending_limit_frequency");
	limit->mode = la_effective_mode(limit->frequency,
									la_window_mode(row.nulls[first + 2] ? NULL :
												   la_enum_label(row.values[first + 2]),
												   "window_mode"));
}

static bool
is_suspended(LaRow row, int column)
{
	return strcmp(la_enum_label(row.values[column]), "suspended") == 0;
}

/* Reads both rows; everything is made in the current memory context. */
static void
read_tenant(const char *organization_id, const char *customer_id, LaView view, LaTenant *tenant)
{
	LaParams	params = {0};
	LaRow		row;
	const char *rule = NULL;

	la_param_text(&params, organization_id);
	la_param_text(&params, customer_id);
	if (la_run(LA_Q_TENANT, &params, view) == 0)
		elog(ERROR, "customer \"%s\" of organization \"%s\" is missing", customer_id, organization_id);
	row = la_row(0);
	if (!row.nulls[CUSTOMER_POLICY])
		rule = la_first_rule(DatumGetJsonbP(row.values[CUSTOMER_POLICY]));
	tenant->organization_suspended = is_suspended(row, ORGANIZATION_STATUS);
	tenant->customer_suspended = is_suspended(row, CUSTOMER_STATUS);
	tenant->zone = TextDatumGetCString(row.values[ORGANIZATION_ZONE]);
	tenant->currency = TextDatumGetCString(row.values[ORGANIZATION_CURRENCY]);
	tenant->approaching_percent = DatumGetInt32(row.values[APPROACHING_PERCENT]);
	tenant->customer_rule = rule == NULL ? NULL : pstrdup(rule);
	la_read_limit(&tenant->customer_limit, LA_CUSTOMER, row, CUSTOMER_LIMIT, tenant->currency);
	la_read_limit(&tenant->organization_limit, LA_ORGANIZATION, row, ORGANIZATION_LIMIT,
				  tenant->currency);
}

/* A copy that outlives the call. */
static void
remember(uint64 key, const char *organization_id, const char *customer_id, const LaTenant *tenant)
{
	Remembered *entry;

	if (hash_get_num_entries(remembered) >= MAX_REMEMBERED)
		begin_anew();
	entry = hash_search(remembered, &key, HASH_ENTER, NULL);
	entry->organization_id = MemoryContextStrdup(memory, organization_id);
	entry->customer_id = MemoryContextStrdup(memory, customer_id);
	entry->tenant = *tenant;
	entry->tenant.zone = MemoryContextStrdup(memory, tenant->zone);
	entry->tenant.currency = MemoryContextStrdup(memory, tenant->currency);
	entry->tenant.organization_limit.currency = entry->tenant.currency;
	entry->tenant.customer_limit.currency = entry->tenant.currency;
	if (tenant->customer_rule != NULL)
		entry->tenant.customer_rule = MemoryContextStrdup(memory, tenant->customer_rule);
}

/* Two customers may have one number: the names decide. */
static const LaTenant *
recall(uint64 key, const char *organization_id, const char *customer_id)
{
	Remembered *entry;

#if LA_MUTANT != 9
	AcceptInvalidationMessages();
	if (!valid)
		begin_anew();
#else
	if (remembered == NULL)
		begin_anew();
#endif
	entry = hash_search(remembered, &key, HASH_FIND, NULL);
	if (entry == NULL || strcmp(entry->organization_id, organization_id) != 0 ||
		strcmp(entry->customer_id, customer_id) != 0)
		return NULL;
	return &entry->tenant;
}

const LaTenant *
la_tenant(const char *organization_id, const char *customer_id, uint64 key, LaView view)
{
	const LaTenant *known;
	LaTenant   *tenant;

	if (view == LA_LATEST && (known = recall(key, organization_id, customer_id)) != NULL)
	{
		/* The original may be forgotten while the call goes on. */
		tenant = palloc(sizeof(LaTenant));
		*tenant = *known;
		tenant->zone = pstrdup(known->zone);
		tenant->currency = pstrdup(known->currency);
		tenant->organization_limit.currency = tenant->currency;
		tenant->customer_limit.currency = tenant->currency;
		if (known->customer_rule != NULL)
			tenant->customer_rule = pstrdup(known->customer_rule);
		return tenant;
	}
	tenant = palloc0(sizeof(LaTenant));
	read_tenant(organization_id, customer_id, view, tenant);
	if (view == LA_LATEST && valid)
		remember(key, organization_id, customer_id, tenant);
	return tenant;
}
