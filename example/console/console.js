/*
 * Approvals over the JSON interface of ledger_agents: one organization, seen and steered with its key.
 *
 * What it keeps true: text from the API becomes text of the page and nothing else (textContent; the page's policy
 * refuses the rest); the key is in memory, or in sessionStorage where the user asked for it, and goes to one address;
 * what is shown is what the API answered last, and when that was is always said.
 */

const EVERY = 4000;				/* milliseconds between two looks */
const PATIENCE = 10000;			/* milliseconds for an answer */
const PAGE = { waiting: 25, agents: 30, decisions: 20 };
const STORE = "ledger_agents.console";

const REASONS = {
	organization_suspended: "All spending of the organization was stopped.",
	customer_suspended: "The customer who funds the agent was suspended.",
	agent_deregistered: "The agent was deregistered.",
	agent_suspended: "The agent was suspended.",
	card_closed: "The card was closed.",
	card_frozen: "The card was frozen.",
	card_expired: "The card had expired.",
	card_consumed: "The card was for a single purchase, and had been used.",
	card_required: "The agent must name a card.",
	currency_mismatch: "Its currency is not that of a limit.",
	outside_active_hours: "It was outside the hours in which the agent may spend.",
	mcc_blocked: "This kind of merchant is blocked.",
	mcc_not_allowed: "This kind of merchant is not among those allowed.",
	country_blocked: "The merchant's country is blocked.",
	country_not_allowed: "The merchant's country is not among those allowed.",
	merchant_blocked: "The merchant is blocked.",
	merchant_not_allowed: "The merchant is not among those allowed.",
	merchant_locked: "The first purchase was at another merchant, and only that one is allowed.",
	merchant_drift: "The merchant is not the one that was expected.",
	cooldown_active: "It was too soon after the purchase before.",
	auth_count_exceeded: "The number of purchases allowed was reached.",
	attestation_required: "The agent had not said just before what it was doing, as it must.",
	intent_required: "The agent had not declared what it was about to buy, as it must.",
	intent_not_usable: "The declared purchase had expired, was canceled, rejected or already used.",
	intent_mismatch: "It is not what the agent had declared it would buy.",
	approval_required: "A human has to approve it first.",
	card_limit_exceeded: "It would exceed a limit of the card.",
	agent_limit_exceeded: "It would exceed a limit of the agent.",
	customer_limit_exceeded: "It would exceed a limit of the customer.",
	organization_limit_exceeded: "It would exceed a limit of the organization."
};

const PERIODS = {
	perTransaction: "each time", per24HourPeriod: "in 24 hours", perWeek: "this week", perMonth: "this month",
	perYear: "this year", allTime: "in all"
};

const RULES = {
	spendingLimit: "spending limit", perAuth: "limit for one purchase", perDay: "daily limit", perMonth: "monthly limit",
	cumulativeMax: "limit in all", maxAuthCount: "number of purchases", maxAmount: "limit for one purchase", currency: "currency"
};

const FATES = {
	authorized: "held", partially_captured: "partly taken", captured: "taken", reversed: "given back", expired: "hold expired",
	refunded: "refunded"
};

const $ = id => document.getElementById(id);
const state = {};				/* of a signed-in console; made by enter() */

/* ---- Words for amounts and times ---- */

const currencies = new Set(Intl.supportedValuesOf ? Intl.supportedValuesOf("currency") : ["USD", "EUR", "GBP", "JPY"]);
const formats = new Map();

/* Amounts are whole minor units, and may be larger than a Number is exact: the point is put in as text. */
function money(amount, currency) {
	if (!currencies.has(currency))
		return `${new Intl.NumberFormat().format(amount)} ${currency ?? ""}`.trim();
	if (!formats.has(currency))
		formats.set(currency, new Intl.NumberFormat(undefined, { style: "currency", currency }));
	const format = formats.get(currency);
	const digits = format.resolvedOptions().maximumFractionDigits;
	const text = String(amount).padStart(digits + 1, "0");
	return format.format(digits ? `${text.slice(0, -digits)}.${text.slice(-digits)}` : text);
}

/* Local, short where it is of today; the exact instant stands in the title. */
function when(instant) {
	const at = new Date(instant);
	const now = new Date(), year = at.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
	const text = at.toLocaleString(undefined, at.toDateString() === now.toDateString() ? { timeStyle: at > now ? "short" : "medium" }
		: { ...year, month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });
	return el("time", { dateTime: at.toISOString(), title: typeof instant === "string" ? instant : at.toISOString() }, text);
}

/* How long there still is; tick() keeps it true. */
function until(instant) {
	const time = when(instant);
	time.dataset.until = time.dateTime;
	time.textContent = left(instant);
	return time;
}

function left(instant) {
	const seconds = Math.round((new Date(instant) - Date.now()) / 1000);
	const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
	if (seconds <= 0)
		return "expired";
	if (seconds < 90)
		return `expires ${words.format(seconds, "second")}`;
	return `expires ${seconds < 5400 ? words.format(Math.round(seconds / 60), "minute") : words.format(Math.round(seconds / 3600), "hour")}`;
}

function tick() {
	for (const time of document.querySelectorAll("time[data-until]"))
		if (time.textContent !== left(time.dataset.until))
			time.textContent = left(time.dataset.until);
}

/* ---- The page ---- */

/* An element; what is given as a child is a node or becomes text. */
function el(name, properties, ...children) {
	const element = Object.assign(document.createElement(name), properties);
	element.append(...children.filter(child => child != null && child !== ""));
	return element;
}

/* Words that others have chosen, kept from turning those around them. */
const theirs = text => el("bdi", {}, text);

function say(text) {
	$("said").textContent = "";
	$("said").append(text);
}

/*
 * Makes a list show these rows: an item whose row is the same is not touched, so that focus, a pressed button and what a
 * screen reader is reading stay where they are.
 */
function show(list, rows, draw) {
	const old = new Map([...list.children].map(item => [item.dataset.id, item]));
	list.classList.remove("loading");
	list.removeAttribute("aria-busy");
	rows.forEach((row, place) => {
		const item = old.get(row.id) ?? el("li");
		const version = exact(row);
		old.delete(row.id);
		if (item.dataset.version !== version) {
			const focused = item.contains(document.activeElement) ? document.activeElement.dataset.does : null;
			item.dataset.id = row.id;
			item.dataset.version = version;
			item.replaceChildren(...draw(row));
			if (focused)
				item.querySelector(`[data-does="${focused}"]`)?.focus();
		}
		if (list.children[place] !== item)
			list.insertBefore(item, list.children[place] ?? null);
	});
	for (const item of old.values()) {
		if (item.contains(document.activeElement))
			list.closest("section").querySelector("h2").focus();
		item.remove();
	}
	list.closest("section").querySelector(".empty").hidden = rows.length > 0;
}

const exact = row => JSON.stringify(row, (name, value) => typeof value === "bigint" ? String(value) : value);

/* A button that is told from those beside it also without being seen. */
function button(text, about, does, action, kind = "") {
	const made = el("button", { type: "button", className: `${kind} small` }, text, el("span", { className: "unseen" }, ` ${about}`));
	made.dataset.does = does;
	made.addEventListener("click", () => action(made));
	return made;
}

/* ---- The API ---- */

class Problem extends Error {
	constructor(message, status) {
		super(message);
		this.status = status;		/* 0: there was no answer */
	}
}

/* Numbers beyond those that a Number holds exactly become BigInt, where the browser can tell. */
function parse(text) {
	return JSON.parse(text, (name, value, context) =>
		typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source) ? BigInt(context.source) : value);
}

async function ask(method, path, body, to = state) {
	let answer, text, content;

	try {
		answer = await fetch(to.api + path, {
			method,
			headers: { "Api-Key": to.key, Accept: "application/json", ...(body && { "Content-Type": "application/json" }) },
			body: body && JSON.stringify(body),
			cache: "no-store",
			credentials: "omit",
			redirect: "error",
			signal: AbortSignal.timeout(PATIENCE)
		});
		text = await answer.text();
	} catch {
		throw new Problem("There is no answer from the API.", 0);
	}
	try {
		content = parse(text || "null");
	} catch {
		throw new Problem(`The API answered something that is no JSON, with status ${answer.status}.`, answer.status);
	}
	if (answer.ok)
		return content;
	if (answer.status >= 502 && answer.status <= 504)
		throw new Problem("The API cannot reach its database.", 0);
	throw new Problem(sentence(content?.error?.message ?? content?.message ?? `status ${answer.status}`), answer.status);
}

const sentence = text => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
const call = (name, body) => ask("POST", `/rpc/${name}`, body);
const rows = (view, query) => ask("GET", `/${view}?${new URLSearchParams(query)}`);

/* ---- Looking, again and again ---- */

let turn = 0, timer = 0;

/* Only the latest look is shown: one that began before an action may not know of it. */
async function refresh() {
	const mine = ++turn;

	clearTimeout(timer);
	try {
		const seen = await look();
		if (mine !== turn)
			return;
		draw(seen);
		found();
	} catch (problem) {
		if (mine !== turn)
			return;
		if (problem.status === 401 || problem.status === 403)
			return leave("The key is no longer accepted.");
		lose(problem);
	}
	timer = document.hidden ? 0 : setTimeout(refresh, EVERY);
}

/* One more row than is shown tells whether there are more. */
async function look() {
	const filters = {
		...(state.agent && { agentId: `eq.${state.agent}` }),
		...(state.outcome && { decision: `eq.${state.outcome}` })
	};
	const [organization, waiting, agents, decisions] = await Promise.all([
		call("get_organization", {}),
		rows("intents", { status: "eq.pending_approval", order: "id.asc", limit: state.shown.waiting + 1 }),
		rows("agents", { status: "neq.deregistered", order: "id.asc", limit: state.shown.agents + 1 }),
		rows("authorizations", { ...filters, order: "id.desc", limit: PAGE.decisions + 1 })
	]);
	const seen = { organization, waiting, agents, decisions };

	await Promise.all([look_at_budgets(agents.slice(0, state.shown.agents)), look_at_names(seen)]);
	return seen;
}

/* A request for each agent, so only of those whose figures have moved since, or whose window has ended. */
async function look_at_budgets(agents) {
	const stale = agents.filter(agent => {
		const known = state.budgets.get(agent.id);
		return !known || known.figures !== figures(agent) || new Date(known.nextReset ?? Infinity) <= Date.now();
	});
	const next = async () => {
		for (let agent = stale.pop(); agent; agent = stale.pop())
			state.budgets.set(agent.id, { ...await call("agent_budget", { agentId: agent.id }), figures: figures(agent) });
	};

	await Promise.all([next(), next(), next(), next()]);
}

const figures = agent => exact([agent.spendingLimit, agent.spendingLimitFrequency, agent.windowMode, agent.currentSpend, agent.updatedAt]);

/* Who is named by an intent or a decision may be deregistered, or not on the list yet. */
async function look_at_names({ waiting, agents, decisions }) {
	for (const agent of agents)
		state.names.set(agent.id, agent.name);
	const unknown = [...new Set([...waiting, ...decisions].map(row => row.agentId))].filter(id => !state.names.has(id));
	if (unknown.length)
		for (const agent of await rows("agents", { select: "id,name", id: `in.(${unknown})` }))
			state.names.set(agent.id, agent.name);
}

const name_of = id => state.names.get(id) ?? "an agent";

function found() {
	if (!$("lost").hidden)
		say("Connected again.");
	$("lost").hidden = true;
	$("live").className = "quiet";
	$("live").replaceChildren("Live, as of ", when(Date.now()));
	state.at = Date.now();
}

function lose(problem) {
	$("live").className = "quiet off";
	$("live").replaceChildren("Not connected");
	if ($("lost").hidden) {
		$("lost").replaceChildren(`${problem.message} What is shown is from `, when(state.at),
			problem.status ? "." : ". The page goes on trying.");
		$("lost").hidden = false;
	}
}

/* ---- What is shown ---- */

function draw({ organization, waiting, agents, decisions }) {
	draw_organization(organization);
	more("waiting", waiting);
	more("agents", agents);
	announce(waiting);
	count("waiting", waiting, state.shown.waiting);
	count("agents", agents, state.shown.agents);
	show($("agents").querySelector(".list"), agents.slice(0, state.shown.agents).map(with_budget), agent_item);
	show($("waiting").querySelector(".list"), waiting.slice(0, state.shown.waiting).map(with_agent), intent_item);
	choices(agents);
	merge(decisions);
	draw_decisions();
	tick();
}

const with_agent = row => ({ ...row, agent: name_of(row.agentId) });
const with_budget = row => ({ ...row, budget: state.budgets.get(row.id) });

function draw_organization(organization) {
	const stopped = organization.status === "suspended";

	if (exact(organization) === exact(state.organization ?? null))
		return;
	state.organization = organization;
	$("name").replaceChildren(theirs(organization.name || organization.id));
	$("organization").textContent = organization.id;
	$("currency").textContent = organization.currency;
	$("status").textContent = stopped ? "stopped" : "active";
	$("status").className = `chip ${stopped ? "bad" : "good"}`;
	$("halted").hidden = !stopped;
	$("halt").textContent = stopped ? "Resume spending…" : "Stop all spending…";
	$("halt").className = stopped ? "" : "danger";
}

function more(section, found) {
	$(section).querySelector(".more").hidden = found.length <= state.shown[section];
}

function count(section, found, shown) {
	const text = found.length > shown ? `${shown}+` : String(found.length);

	$(section).querySelector(".count").textContent = found.length ? text : "";
	if (section === "waiting")
		document.title = `${found.length ? `(${text}) ` : ""}${state.organization.name || state.organization.id} – approvals`;
}

/* What was not there at the last look is said once; at the first look nothing is. */
function announce(waiting) {
	const fresh = state.known && waiting.filter(intent => !state.known.has(intent.id)).length;

	if (fresh)
		say(fresh === 1 ? "A new request waits for approval." : `${fresh} new requests wait for approval.`);
	state.known = new Set(waiting.map(intent => intent.id));
}

function intent_item(intent) {
	const summary = title(intent);

	return [
		el("div", { className: "row" },
			el("h3", {}, theirs(summary)),
			el("span", { className: "amount end" }, wanted(intent))),
		el("div", { className: "row" },
			el("p", { className: "quiet" }, theirs(intent.agent), " at ", where(intent), " · ", until(intent.expiresAt)),
			el("div", { className: "tools end" },
				button("Approve…", summary, "approve", opener => approve(intent, opener), "main"),
				button("Reject…", summary, "reject", opener => reject(intent, opener))))
	];
}

const title = intent => intent.summary || (intent.expectedMerchant ? `Purchase at ${intent.expectedMerchant}` : "A purchase");

function wanted(intent) {
	if (intent.expectedAmount == null)
		return "any amount";
	return money(intent.expectedAmount, intent.expectedCurrency)
		+ (intent.tolerance ? ` ± ${money(intent.tolerance, intent.expectedCurrency)}` : "")
		+ (intent.tolerancePercent ? ` ± ${intent.tolerancePercent} %` : "");
}

const where = intent => intent.expectedMerchant == null ? "any merchant" : theirs(intent.expectedMerchant);

function agent_item(agent) {
	const active = agent.status === "active";

	return [
		el("div", { className: "row" },
			el("h3", {}, theirs(agent.name)),
			el("span", { className: `chip ${active ? "good" : "bad"}` }, agent.status),
			el("span", { className: "end" }, active
				? button("Suspend…", agent.name, "switch", opener => suspend(agent, opener))
				: button("Activate…", agent.name, "switch", opener => activate(agent, opener)))),
		el("p", { className: "quiet small" }, theirs(agent.externalId), " · for ", theirs(agent.userId)),
		...(active ? [] : [el("p", { className: "small bad" }, why_suspended(agent))]),
		...budget(agent)
	];
}

function why_suspended(agent) {
	const why = agent.suspendedReason === "spending_limit_exceeded" ? "Suspended because it went for more than its limit" : "Suspended by hand";
	return agent.suspendedAt == null ? `${why}.` : el("span", {}, `${why}, `, when(agent.suspendedAt));
}

/* In words all that the bar says, and more. */
function budget(agent) {
	const b = agent.budget, of = amount => money(amount, b.currency), period = PERIODS[b.frequency] ?? "";

	if (b.spendingLimit == null)
		return [el("p", {}, el("span", { className: "amount" }, of(b.currentSpend ?? 0)), ` spent ${period}, without a limit`)];
	if (b.frequency === "perTransaction")
		return [el("p", {}, "Up to ", el("span", { className: "amount" }, of(b.spendingLimit)), " each time")];
	const percent = Number(b.percentUsed ?? 100), fill = el("div");
	const level = !b.remaining ? "over" : percent >= (state.organization.limitApproachingPercent ?? 80) ? "near" : "";
	const bar = el("div", { className: `bar ${level}` }, fill);
	fill.style.setProperty("--spent", `${Math.min(percent, 100)}%`);
	bar.setAttribute("aria-hidden", "true");
	return [
		bar,
		el("p", { className: "row" },
			el("span", {}, el("span", { className: "amount" }, of(b.currentSpend)), ` of ${of(b.spendingLimit)} ${period}`),
			el("span", { className: "quiet end" }, `${percent} %`)),
		el("p", { className: "quiet small" },
			el("span", { className: LEVELS[level].color }, `${LEVELS[level].word}${of(b.remaining)} left`),
			...(b.nextReset ? [rolls(b) ? " · some comes back " : " · starts anew ", when(b.nextReset)] : []),
			agent.onLimitExceeded === "notify" || agent.onLimitExceeded === "none" ? " · may go above it" : "")
	];
}

const LEVELS = { "": { color: "", word: "" }, near: { color: "warn", word: "Only " }, over: { color: "bad", word: "Used up, " } };
const rolls = b => b.windowMode === "rolling" || (b.frequency === "per24HourPeriod" && b.windowMode !== "calendar");

/* ---- Decisions ---- */

/* The newest page joins those that were loaded before; where there is a gap between them, those are let go. */
function merge(page) {
	const newest = page.slice(0, PAGE.decisions);
	const oldest = newest.at(-1)?.id;
	const behind = state.decisions.filter(row => row.id < oldest);

	if (page.length <= PAGE.decisions || !state.decisions.some(row => row.id >= oldest)) {
		state.decisions = newest;
		state.further = page.length > PAGE.decisions;
	} else {
		state.decisions = [...newest, ...behind];
		if (!behind.length)
			state.further = true;
	}
}

function draw_decisions() {
	show($("decisions").querySelector(".list"), state.decisions.map(with_agent), decision_item);
	$("decisions").querySelector(".more").hidden = !state.further;
}

function decision_item(decision) {
	const declined = decision.decision === "declined";

	return [
		el("h3", { className: "row" },
			el("span", { className: `outcome ${declined ? "bad" : "good"}` }, declined ? "✕ Declined" : "✓ Approved"), " ",
			el("span", { className: "amount" }, money(decision.amount, decision.currency)), " ",
			el("span", { className: "merchant" }, decision.merchant ? theirs(decision.merchant) : "no merchant named")),
		el("p", { className: "row quiet small" },
			el("span", {}, theirs(decision.agent), ...notes(decision)),
			el("span", { className: "end" }, when(decision.decidedAt))),
		...(declined ? [why(decision)] : [])
	];
}

function notes(decision) {
	return [
		decision.mcc && ` · category ${decision.mcc}`,
		decision.country && ` · ${decision.country}`,
		decision.incrementOf && " · asked for more on a hold",
		decision.recorded && " · booked after it had happened",
		FATES[decision.status] && ` · ${FATES[decision.status]}`,
		decision.remaining != null && ` · ${money(decision.remaining, decision.currency)} left`
	].filter(Boolean);
}

function why(decision) {
	const of = amount => money(amount, decision.currency);
	const reasons = decision.reasons ?? (decision.reason ? [decision.reason] : []);
	const some = decision.maxApprovable != null ? `Up to ${of(decision.maxApprovable)} would have passed` : "No amount would have passed";
	const later = decision.retryAt ? [", and the same would pass from ", when(decision.retryAt), "."]
		: [decision.maxApprovable != null ? "." : ", and waiting alone does not change that."];

	return el("div", { className: "why small" },
		...reasons.map(reason => el("p", {}, REASONS[reason] ?? sentence(String(reason).replaceAll("_", " ")))),
		...(decision.failedLimits ?? []).map(limit => el("p", { className: "quiet" }, failed(limit, of))),
		el("p", {}, some, ...later));
}

function failed(limit, of) {
	if (limit.limit == null)
		return `${sentence(limit.scope).slice(0, -1)}'s limit is in another currency.`;
	const shown = limit.rule === "maxAuthCount" ? String : of;
	const once = limit.rule === "perAuth" || limit.rule === "maxAmount" || (!limit.spent && !limit.nextReset);

	return el("span", {}, sentence(`${limit.scope}'s ${RULES[limit.rule] ?? limit.rule}`).slice(0, -1), ` of ${shown(limit.limit)}`,
		once ? "" : `: ${shown(limit.spent)} used, ${shown(limit.remaining)} left`,
		...(limit.nextReset ? [" until ", when(limit.nextReset)] : []));
}

async function load_more_decisions() {
	const mine = state.query, older = state.decisions.at(-1)?.id;
	const page = await rows("authorizations", {
		...(state.agent && { agentId: `eq.${state.agent}` }),
		...(state.outcome && { decision: `eq.${state.outcome}` }),
		...(older && { id: `lt.${older}` }),
		order: "id.desc",
		limit: PAGE.decisions + 1
	});

	await look_at_names({ waiting: [], agents: [], decisions: page });
	if (mine !== state.query || older !== state.decisions.at(-1)?.id)
		return;
	state.decisions.push(...page.slice(0, PAGE.decisions));
	state.further = page.length > PAGE.decisions;
	draw_decisions();
	say(`${state.decisions.length} decisions are shown.`);
}

/* The list of agents to filter by; what is chosen stays, also when that agent goes. */
function choices(agents) {
	const select = $("by-agent");
	const wanted = agents.map(agent => ({ value: agent.id, text: agent.name === agent.externalId ? agent.name : `${agent.name} (${agent.externalId})` }));

	if (state.agent && !wanted.some(option => option.value === state.agent))
		wanted.push({ value: state.agent, text: name_of(state.agent) });
	const now = exact(wanted);
	if (select.dataset.version === now)
		return;
	select.dataset.version = now;
	select.replaceChildren(el("option", { value: "" }, "all"), ...wanted.map(({ value, text }) => el("option", { value }, text)));
	select.value = state.agent;
}

async function filter() {
	state.agent = $("by-agent").value;
	state.outcome = $("by-outcome").value;
	state.query++;
	state.decisions = [];
	$("decisions").querySelector(".list").setAttribute("aria-busy", "true");
	await refresh();
	say(`${state.decisions.length}${state.further ? " or more" : ""} decisions.`);
}

/* ---- Questions before something is done ---- */

let question = null;

/* One at a time. What it is about is said once more, from what was on the page when the button was pressed. */
function put(asked) {
	const input = $("ask-value");

	question = { ...asked, list: asked.opener.closest(".list"), place: place_of(asked.opener) };
	$("ask-title").textContent = asked.title;
	$("ask-text").replaceChildren(...asked.text.filter(Boolean));
	$("ask-problem").textContent = "";
	$("ask-field").hidden = !asked.field;
	$("ask-field").querySelector("label").replaceChildren(...(asked.field?.label ?? []));
	input.value = "";
	input.maxLength = asked.field?.most ?? 1000;
	input.removeAttribute("aria-invalid");
	$("ask-confirm").textContent = asked.confirm;
	$("ask-confirm").className = asked.danger ? "danger" : "main";
	$("ask").showModal();
	(asked.field ? input : $("ask-confirm")).focus();
}

const place_of = opener => [...(opener.closest(".list")?.children ?? [])].indexOf(opener.closest("li"));

async function answer(event) {
	const value = $("ask-value").value.trim(), { check, act, done } = question;
	const wrong = check?.(value);

	event.preventDefault();
	$("ask-problem").textContent = wrong ?? "";
	if (wrong) {
		$("ask-value").setAttribute("aria-invalid", "true");
		return $("ask-value").focus();
	}
	busy(true);
	try {
		await act(value);
		await refresh();
		$("ask").close();
		say(done);
	} catch (problem) {
		$("ask-problem").textContent = problem.status === 0
			? `${problem.message} It may or may not have been done: look before you try again.` : problem.message;
		refresh();
	} finally {
		busy(false);
	}
}

function busy(is) {
	for (const control of $("ask").querySelectorAll("button, input"))
		control.disabled = is;
	if (!is && $("ask").open)
		$("ask-confirm").focus();
}

/* The browser gives focus back to where it came from; where that is gone, it goes to what has taken its place. */
function closed() {
	const { opener, list, place } = question;

	question = null;
	if (!opener.isConnected && list)
		(list.children[Math.min(place, list.children.length - 1)]?.querySelector("button") ?? list.closest("section").querySelector("h2")).focus();
}

const about = (...children) => el("p", {}, ...children);

function summary_of(intent) {
	return el("p", { className: "summary" }, theirs(title(intent)), el("br"),
		el("span", { className: "amount" }, wanted(intent)), " at ", where(intent), el("br"),
		el("span", { className: "quiet" }, "for ", theirs(intent.agent)));
}

function approve(intent, opener) {
	put({
		opener,
		title: "Approve this purchase?",
		text: [summary_of(intent), what_is_left(intent)],
		confirm: "Approve",
		act: () => call("approve_intent", { intentId: intent.id }),
		done: "Approved."
	});
}

/* An approval does not widen a limit: who gives it should know what is left. */
function what_is_left(intent) {
	const b = state.budgets.get(intent.agentId);

	if (b?.remaining == null || b.currency !== intent.expectedCurrency)
		return "";
	const of = amount => money(amount, b.currency), short = intent.expectedAmount > b.remaining;
	return el("p", { className: short ? "warn" : "quiet" },
		b.frequency === "perTransaction" ? `The agent's limit is ${of(b.spendingLimit)} each time.`
			: `${of(b.remaining)} of ${of(b.spendingLimit)} are left ${PERIODS[b.frequency] ?? ""}.`,
		short ? " That is less than this purchase, and an approval does not raise it." : "");
}

function reject(intent, opener) {
	put({
		opener,
		title: "Reject this purchase?",
		text: [summary_of(intent)],
		field: { label: ["Reason, for the agent"], most: 1000 },
		check: value => value ? null : "Please say why: the agent is told.",
		confirm: "Reject",
		danger: true,
		act: reason => call("reject_intent", { intentId: intent.id, reason }),
		done: "Rejected."
	});
}

function suspend(agent, opener) {
	put({
		opener,
		title: "Suspend this agent?",
		text: [about(el("strong", {}, theirs(agent.name)), " gets no more approvals, and its cards are frozen, until it is activated. What is held stays held.")],
		confirm: "Suspend",
		danger: true,
		act: () => call("update_agent", { agentId: agent.id, status: "suspended" }),
		done: "Suspended."
	});
}

function activate(agent, opener) {
	put({
		opener,
		title: "Activate this agent?",
		text: [about(el("strong", {}, theirs(agent.name)), " may spend again, within its limits. Cards that were frozen with it are unfrozen.")],
		confirm: "Activate",
		act: () => call("update_agent", { agentId: agent.id, status: "active" }),
		done: "Activated."
	});
}

function halt() {
	const { id, status } = state.organization, resume = status === "suspended";

	put({
		opener: $("halt"),
		title: resume ? "Resume spending?" : "Stop all spending?",
		text: [about(resume ? "All agents that are active may spend again, within their limits."
			: "From now on, every request of every agent is declined, until spending is resumed. What is held stays held.")],
		field: { label: ["To confirm, type ", el("code", {}, theirs(id))], most: 64 },
		check: value => value === id ? null : "That is not the id of this organization.",
		confirm: resume ? "Resume spending" : "Stop all spending",
		danger: !resume,
		act: () => call("update_organization", { status: resume ? "active" : "suspended" }),
		done: resume ? "Spending is resumed." : "All spending is stopped."
	});
}

/* ---- Coming and going ---- */

/* An address as fetch takes it, without a slash at its end; null where it is none. */
function address(text) {
	try {
		const url = new URL(text, location.href);
		return /^https?:$/.test(url.protocol) && !url.username && !url.search && !url.hash ? url.href.replace(/\/+$/, "") : null;
	} catch {
		return null;
	}
}

const default_api = document.querySelector('meta[name="api"]').content;
const linked_api = new URLSearchParams(location.search).get("api");

async function enter(to) {
	const organization = await ask("POST", "/rpc/get_organization", {}, to);

	if (organization?.object !== "organization")
		throw new Problem("That is no API of ledger_agents.", 404);
	Object.assign(state, to, {
		budgets: new Map(), names: new Map(), decisions: [], further: false, known: null, at: Date.now(),
		agent: "", outcome: "", query: 0, shown: { ...PAGE }
	});
	narrow(new URL(to.api).origin);
	draw_organization(organization);
	$("key").value = "";
	$("entrance").hidden = true;
	$("console").hidden = false;
	$("waiting-title").focus();
	await refresh();
}

/* A second policy beside that of the page; what either refuses is refused. */
function narrow(origin) {
	document.head.append(el("meta", { httpEquiv: "Content-Security-Policy", content: `connect-src ${origin}` }));
}

async function sign_in(event) {
	const to = { api: address($("api").value.trim()), key: $("key").value.trim() };
	const button = $("sign-in").querySelector("button");

	event.preventDefault();
	refuse("");
	if (!/^[\x21-\x7e]+$/.test(to.key))
		return refuse(to.key ? "That is no key." : "Please type a key.", $("key"));
	if (!to.api)
		return refuse("That is no address.", $("api"));
	button.disabled = true;
	try {
		await enter(to);
		if ($("stay").checked)
			sessionStorage.setItem(STORE, JSON.stringify(to));
	} catch (problem) {
		refuse(...why_refused(problem, to.api));
	} finally {
		button.disabled = false;
	}
}

function refuse(text, field) {
	$("sign-in-problem").textContent = text;
	for (const input of [$("key"), $("api")])
		input.removeAttribute("aria-invalid");
	field?.setAttribute("aria-invalid", "true");
	field?.focus();
}

function why_refused(problem, api) {
	switch (problem.status) {
		case 0: return [`There is no answer from ${api}. Is PostgREST running there, and may this page call it?`, $("api")];
		case 401: return ["This key is not accepted. It may be mistyped, expired or revoked.", $("key")];
		case 403: return ["This is an agent's token. Approving needs the key of the organization.", $("key")];
		default: return [`${problem.message} Is this the address of PostgREST?`, $("api")];
	}
}

/* Everything is forgotten with the page; why is told to the next one. */
function leave(why) {
	sessionStorage.removeItem(STORE);
	if (why)
		sessionStorage.setItem(`${STORE}.why`, why);
	state.key = "";
	location.reload();
}

function listen() {
	$("sign-in").addEventListener("submit", sign_in);
	$("leave").addEventListener("click", () => leave());
	$("halt").addEventListener("click", halt);
	$("ask").querySelector("form").addEventListener("submit", answer);
	$("ask").addEventListener("close", closed);
	$("ask").addEventListener("cancel", event => $("ask-confirm").disabled && event.preventDefault());
	$("ask-value").addEventListener("input", () => {
		$("ask-problem").textContent = "";
		$("ask-value").removeAttribute("aria-invalid");
	});
	$("ask-cancel").addEventListener("click", () => $("ask").close());
	$("by-agent").addEventListener("change", filter);
	$("by-outcome").addEventListener("change", filter);
	for (const section of ["waiting", "agents"])
		$(section).querySelector(".more").addEventListener("click", () => {
			state.shown[section] += PAGE[section];
			refresh();
		});
	$("decisions").querySelector(".more").addEventListener("click", () => load_more_decisions().catch(lose));
	/* Nobody sees a hidden tab: it does not ask. */
	document.addEventListener("visibilitychange", () => {
		clearTimeout(timer);
		if (!document.hidden && state.key)
			refresh();
	});
	setInterval(() => document.hidden || tick(), 1000);
}

/* A page in somebody else's frame may be clicked without being seen. */
function begin() {
	const stored = JSON.parse(sessionStorage.getItem(STORE) ?? "null");

	listen();
	$("api").value = linked_api ?? default_api;
	if (linked_api && address(linked_api) !== address(default_api)) {
		$("api-warning").textContent = "This address came with the link that you followed. Type a key only if you know it.";
		$("api-warning").hidden = false;
	}
	refuse(sessionStorage.getItem(`${STORE}.why`) ?? "");
	sessionStorage.removeItem(`${STORE}.why`);
	$("key").focus();
	if (stored && (!linked_api || address(linked_api) === stored.api))
		enter(stored).catch(problem => refuse(...why_refused(problem, stored.api)));
}

if (window.top === window)
	begin();
else
	document.body.replaceChildren("This page does not work inside a frame.");
