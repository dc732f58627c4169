/*
 * The story of 018_console.pl, told to a browser. One JSON value a line: out go {check, ok, found}, {done} and questions
 * {ask, with}; in comes where everything is, and then an answer to each question.
 */
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { chromium } = createRequire(new URL("../../example/package.json", import.meta.url))("playwright-core");
const lines = createInterface({ input: process.stdin });
const heard = lines[Symbol.asyncIterator]();
/* Whoever started this is gone. */
lines.on("close", () => process.exit(1));

const hear = async () => JSON.parse((await heard.next()).value);
const tell = message => process.stdout.write(`${JSON.stringify(message)}\n`);
const ask = async (what, about) => { tell({ ask: what, with: about }); return hear(); };
const sql = text => ask("sql", text);
const check = (name, ok, found) => tell({ check: name, ok: Boolean(ok), found: found ?? null });
const is = (found, wanted, name) => check(name, JSON.stringify(found) === JSON.stringify(wanted), { found, wanted });
const has = (text, part, name) => check(name, String(text).includes(part), { text, part });

const given = await hear();
const key = (await sql("SELECT key FROM keys WHERE organization_id = 'acme'"));
const empty_key = await sql("SELECT key FROM keys WHERE organization_id = 'empty'");
const token = await sql("SELECT token FROM agents WHERE external_id = 'shopper'");
const agent_id = async name => sql(`SELECT id FROM agents WHERE external_id = '${name}'`);

const browser = await chromium.launch({
	executablePath: given.chromium,
	args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]
});
const origins = new Set(), errors = [], leaks = [], reading = [];
let expected_errors = /^$/;

async function tab(options = {}) {
	const context = await browser.newContext({
		locale: "en-US", timezoneId: "America/New_York", viewport: { width: 1400, height: 1000 }, ...options
	});
	context.setDefaultTimeout(30000);
	context.on("request", request => origins.add(new URL(request.url()).origin));
	context.on("response", response => reading.push(response.text().then(text => {
		if (text.includes("CANARY"))
			leaks.push(response.url());
	}, () => {})));
	const page = await context.newPage();
	page.on("console", message => {
		if (message.type() === "error" && !expected_errors.test(message.text()))
			errors.push(message.text());
	});
	page.on("pageerror", error => errors.push(String(error)));
	/* Called by every hostile name, if ever one of them runs. */
	await context.addInitScript(() => { window.canary = () => console.error("a name was executed"); });
	return page;
}

const picture = async (page, name, fullPage = true) => page.screenshot({ path: `${given.pictures}/console-${name}.png`, fullPage });
const text = (page, selector) => page.locator(selector).innerText();
const item = (page, section, words) => page.locator(`#${section} .list > li`, { hasText: words });
const closed = page => page.waitForSelector("#ask:not([open])", { state: "attached" });

/* What a question leads to is there soon after it has closed, not with it. */
const soon = async (page, condition, argument) => page.waitForFunction(condition, argument, { timeout: 10000 }).catch(() => {});
const gone = async locator => locator.waitFor({ state: "detached", timeout: 10000 }).then(() => true, () => false);

/* The whole text of what has the focus, or its beginning and "*". */
async function focus_comes(page, wanted, name) {
	const has_it = wanted => {
		const found = document.activeElement.textContent || document.activeElement.id;
		return wanted.endsWith("*") ? found.startsWith(wanted.slice(0, -1)) : found === wanted;
	};
	await soon(page, has_it, wanted);
	check(name, await page.evaluate(has_it, wanted), { wanted, found: await page.evaluate(() => document.activeElement.textContent) });
}

async function sign_in(page, secret) {
	await page.goto(`${given.page}/?api=${given.api}`);
	await page.fill("#key", secret);
	await page.keyboard.press("Enter");
}

/* Runs in the page: what is wrong with it for who cannot see, point or tell colors apart. */
function audit() {
	const wrong = [], shown = element => element.checkVisibility({ visibilityProperty: true }) && !element.closest("dialog:not([open])");
	const all = selector => [...document.querySelectorAll(selector)].filter(shown);
	const levels = all("h1, h2, h3, h4").map(heading => Number(heading.tagName[1]));
	const names = all("button").map(button => button.textContent.trim());
	const channels = color => color.match(/[\d.]+/g).map(Number);
	const light = color => channels(color).slice(0, 3).map(c => c / 255)
		.map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
		.reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
	const behind = element => {
		const color = getComputedStyle(element).backgroundColor;
		return (channels(color)[3] ?? 1) === 1 || !element.parentElement ? color : behind(element.parentElement);
	};

	if (!document.documentElement.lang)
		wrong.push("no language");
	if (levels[0] !== 1 || levels.filter(level => level === 1).length !== 1 || levels.some((level, i) => i && level > levels[i - 1] + 1))
		wrong.push(`headings ${levels}`);
	for (const input of all("input, select, textarea"))
		if (!input.labels.length || !input.labels[0].textContent.trim())
			wrong.push(`no label: ${input.id}`);
	if (names.some(name => !name) || new Set(names).size !== names.length)
		wrong.push(`names of buttons: ${names}`);
	for (const element of all("[aria-labelledby], [aria-describedby]"))
		for (const name of ["aria-labelledby", "aria-describedby"])
			for (const id of element.getAttribute(name)?.split(" ") ?? [])
				if (!document.getElementById(id))
					wrong.push(`${name} of nothing: ${id}`);
	const ids = [...document.querySelectorAll("[id]")].map(element => element.id);
	if (new Set(ids).size !== ids.length)
		wrong.push("an id twice");
	if (all("[tabindex]").some(element => element.tabIndex > 0))
		wrong.push("an order of its own for the tab key");
	if (document.documentElement.scrollWidth > innerWidth)
		wrong.push(`wider than the window: ${document.documentElement.scrollWidth}`);
	for (const element of all("body *")) {
		if (![...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim()) || element.closest(".unseen, .skip, :disabled"))
			continue;
		const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((x, y) => y - x);
		if ((a + 0.05) / (b + 0.05) < 4.5)
			wrong.push(`contrast of "${element.textContent.slice(0, 30)}": ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
	}
	return wrong;
}

async function audited(page, name) {
	is(await page.evaluate(audit), [], `nothing stands in anybody's way: ${name}`);
}

/* Both schemes and both widths of what is shown now. */
async function in_all_lights(page, name) {
	for (const colorScheme of ["dark", "light"])
		for (const width of [400, 1400]) {
			await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
			await page.setViewportSize({ width, height: 1000 });
			await audited(page, `${name}, ${colorScheme}, ${width}`);
			await picture(page, `${name}-${colorScheme}-${width}`);
		}
}

/* Presses Tab until what has the focus begins with these words; each stop must be seen. */
async function tab_to(page, words) {
	const stops = [];

	for (let i = 0; i < 60; i++) {
		await page.keyboard.press("Tab");
		const stop = await page.evaluate(() => ({
			text: document.activeElement.textContent,
			seen: getComputedStyle(document.activeElement).outlineStyle !== "none"
		}));
		stops.push(stop);
		if (stop.text.startsWith(words))
			break;
	}
	return stops;
}

async function story_of_signing_in(page) {
	expected_errors = /^Failed to load resource/;
	await page.goto(`${given.page}/?api=http://127.0.0.1:1`);
	await page.keyboard.type(key);
	await page.keyboard.press("Enter");
	await page.waitForSelector("#sign-in-problem:not(:empty)");
	has(await text(page, "#sign-in-problem"), "There is no answer from http://127.0.0.1:1", "an address where nobody answers is told");
	has(await text(page, "#api-warning"), "came with the link", "who follows a link is told where the key would go");
	await page.goto(given.page);
	check("without a link there is a default", (await page.inputValue("#api")) === "http://127.0.0.1:3000" && await page.isHidden("#api-warning"));
	await in_all_lights(page, "sign-in");
	await sign_in(page, `${key.slice(0, -1)}${key.endsWith("0") ? 1 : 0}`);
	await page.waitForSelector("#sign-in-problem:not(:empty)");
	has(await text(page, "#sign-in-problem"), "not accepted", "a wrong key is told");
	await focus_comes(page, "key", "and may be typed anew");
	await picture(page, "refused");
	await sign_in(page, token);
	await page.waitForSelector("#sign-in-problem:not(:empty)");
	has(await text(page, "#sign-in-problem"), "agent's token", "an agent's token is told from a key");
	expected_errors = /^$/;

	/* The answer about agents is kept back for a picture of the waiting. */
	let go;
	const held = new Promise(resolve => { go = resolve; });
	await page.route("**/agents?*", async route => { await held; await route.continue(); });
	await sign_in(page, key);
	await page.waitForSelector("#agents .list[aria-busy]");
	await picture(page, "loading");
	go();
	await page.waitForSelector("#decisions .list > li");
	await page.unroute("**/agents?*");
	is(await page.inputValue("#key"), "", "the key does not stay in its field");
	is(await page.evaluate(() => [sessionStorage.length, localStorage.length, document.cookie]), [0, 0, ""], "nor is it stored");
}

async function story_of_what_is_shown(page) {
	const body = await page.locator("#console").innerText();

	is(await text(page, "#name"), "Acme <b onclick=canary()>Robotics</b>", "the organization is named, as text");
	has(await text(page, "header"), "acme · USD", "with id and currency");
	is(await page.locator("#agents .list > li").count(), 7, "its agents are there");
	check("nothing of another tenant is on the page", !(await page.content()).includes("CANARY"));
	for (const hostile of ["<img src=x onerror=canary()>", "<script>canary()</script>", "<svg onload=canary()>"])
		has(body, hostile, `shown as text: ${hostile}`);
	is(await page.locator("img, svg, #console script").count(), 0, "and nothing was made of them");
	await in_all_lights(page, "console");
	is(await page.evaluate(() => getComputedStyle(document.querySelector(".bar > div")).transitionProperty), "none", "who wants no motion has none");

	for (const [agent, figures] of [
		["Office shopper", ["$245.00 of $500.00 this month", "49 %", "$255.00 left"]],
		["Ad optimizer", ["$6,500.00 of $6,000.00 this week", "108 %", "Used up", "may go above it"]],
		["Tokyo desk", ["¥261,500 of ¥300,000 in 24 hours", "87 %", "Only ¥38,500 left"]],
		["Model calls", ["9,000,000,000,000,000,000 USD_MICRO of 9,000,000,000,000,000,001 USD_MICRO"]],
		["Travel booker", ["Up to $800.00 each time"]],
		["onerror", ["$1.00 spent this month, without a limit"]]
	])
		for (const figure of figures)
			has(await item(page, "agents", agent).innerText(), figure, `budget of ${agent}: ${figure}`);
	const budgets = JSON.parse(await sql(`SELECT json_object_agg(a.external_id, b) FROM agents a, ledger_agents.agent_budget(a.id, a.organization_id) b
		WHERE a.organization_id = 'acme'`));
	is([budgets.shopper.current_spend, budgets.shopper.spending_limit, budgets.shopper.percent_used, budgets.tokyo.current_spend, budgets.weekly.current_spend],
		[24500, 50000, 49, 261500, 650000], "which is what the database says");
	for (const agent of ["shopper", "weekly", "tokyo"]) {
		const name = { shopper: "Office shopper", weekly: "Ad optimizer", tokyo: "Tokyo desk" }[agent];
		is(new Date(await item(page, "agents", name).locator("time").last().getAttribute("datetime")).getTime(),
			Math.floor(new Date(budgets[agent].next_reset).getTime()), `next reset of ${agent}`);
	}
	const widths = await page.evaluate(() => [...document.querySelectorAll(".bar > div")].map(fill => fill.style.getPropertyValue("--spent")));
	is(widths, ["49%", "100%", "87%", "99%", "2%"], "the bars are as long as they should be");

	const declined = await item(page, "decisions", "DELTA AIR").innerText();
	for (const words of ["✕ Declined", "$420.00", "Office shopper", "It would exceed a limit of the agent.",
		"Agent's spending limit of $500.00: $245.00 used, $255.00 left until", "Up to $255.00 would have passed, and the same would pass from"])
		has(declined, words, `a decline is explained: ${words}`);
	is(new Date(await item(page, "decisions", "DELTA AIR").locator("time").first().getAttribute("title")).getTime(),
		Number(await sql("SELECT floor(extract(epoch FROM decided_at) * 1000) FROM ledger_agents.authorizations WHERE merchant = 'DELTA AIR'")),
		"the exact instant stands in the title");
	has(await item(page, "decisions", "HOTEL ZUG").innerText(), "Up to $800.00 would have passed.", "one that waiting does not mend");
	has(await item(page, "decisions", "<svg onload").innerText(), "A human has to approve it first.", "one that asks for a human");
	has(await item(page, "decisions", "STAPLES").innerText(), "✓ Approved", "and an approval");
}

async function story_of_approvals(page) {
	is(await page.locator("#waiting .list > li").count(), 3, "three requests wait");
	has(await page.title(), "(3) Acme", "the tab says so");
	has(await item(page, "waiting", "Dinner").innerText(), "$750.00 ± $50.00", "how much");
	has(await item(page, "waiting", "Dinner").innerText(), "Courier at DoorDash · expires in 10 hours", "who, where, until when");

	await page.evaluate(() => document.getElementById("waiting-title").focus());
	const stops = await tab_to(page, "Approve… Dinner");
	is(stops.at(-1).text, "Approve… Dinner for the team, twelve people", "the tab key comes to it");
	check("and is seen wherever it is", stops.every(stop => stop.seen), stops);
	await page.keyboard.press("Enter");
	await page.waitForSelector("#ask[open]");
	await audited(page, "a question");
	await picture(page, "approve", false);
	await page.keyboard.press("Escape");
	await closed(page);
	await focus_comes(page, "Approve… Dinner for the team, twelve people", "escape gives the focus back");
	is(await sql("SELECT status FROM ledger_agents.intents WHERE client_intent_id = 'team'"), "pending_approval", "and does nothing");
	await page.keyboard.press("Enter");
	await page.waitForSelector("#ask[open]");
	has(await text(page, "#ask-text"), "$750.00 ± $50.00 at DoorDash", "the question says once more what it is about");
	await focus_comes(page, "Approve", "its answer has the focus");
	await page.keyboard.press("Enter");
	await closed(page);
	is(await sql(`SELECT i.status || ' ' || (i.approved_by = 'key:' || k.id) FROM ledger_agents.intents i, keys k
		WHERE i.client_intent_id = 'team' AND k.organization_id = 'acme'`), "pending true", "approved, by the key");
	check("it waits no more", await gone(item(page, "waiting", "Dinner")));
	await soon(page, () => document.getElementById("said").textContent === "Approved.");
	is(await text(page, "#said"), "Approved.", "which is said");
	await focus_comes(page, "Approve… *", "the focus goes to what has taken its place");

	await item(page, "waiting", "desks").getByRole("button", { name: "Approve" }).click();
	has(await text(page, "#ask-text"), "$980.00 of $1,000.00 are left this month. That is less than this purchase", "a limit that is too small for it is told");
	await page.keyboard.press("Escape");
	await closed(page);
	await item(page, "waiting", "desks").getByRole("button", { name: "Reject" }).click();
	await page.keyboard.press("Enter");
	has(await text(page, "#ask-problem"), "why", "a rejection needs a reason");
	await audited(page, "a question not answered");
	await page.keyboard.type("Chairs first <b>");
	await picture(page, "reject", false);
	await page.keyboard.press("Enter");
	await closed(page);
	is(await sql("SELECT status || ': ' || rejection_reason FROM ledger_agents.intents WHERE client_intent_id = 'desks'"), "rejected: Chairs first <b>", "rejected, with the reason");
	check("and gone", await gone(item(page, "waiting", "desks")));

	/* Decided elsewhere while the question is open. */
	await item(page, "waiting", "<svg").getByRole("button", { name: "Approve" }).click();
	await sql(`SELECT ledger_agents.reject_intent(id, 'no', organization_id => 'acme') FROM ledger_agents.intents WHERE expected_merchant LIKE '<svg%'`);
	expected_errors = /^Failed to load resource/;
	await page.click("#ask-confirm");
	await page.waitForSelector("#ask-problem:not(:empty)");
	has(await text(page, "#ask-problem"), "rejected", "what comes too late is told in words");
	expected_errors = /^$/;
	await page.waitForSelector("#waiting .empty:visible");
	await page.keyboard.press("Escape");
	await closed(page);
	await focus_comes(page, "Waiting for approval ", "the focus is never lost");
}

async function story_of_switches(page) {
	const shopper = await agent_id("shopper");
	const spend = async () => sql(`SELECT decision || ' ' || coalesce(reason::text, '') FROM ledger_agents.authorize('${shopper}', 100, merchant => 'SWITCHED', organization_id => 'acme')`);
	const status = async () => sql(`SELECT o.status || ' ' || a.status FROM ledger_agents.agents a JOIN ledger_agents.organizations o ON o.id = a.organization_id WHERE a.id = '${shopper}'`);
	const of_shopper = item(page, "agents", "Office shopper").getByRole("button");

	await of_shopper.click();
	await page.click("#ask-cancel");
	await closed(page);
	is(await status(), "active active", "a canceled question does nothing");
	await focus_comes(page, "Suspend… Office shopper", "and gives the focus back");
	await of_shopper.click();
	await picture(page, "suspend", false);
	await page.click("#ask-confirm");
	await closed(page);
	is(await status(), "active suspended", "an agent is suspended");
	await focus_comes(page, "Activate… Office shopper", "its button is the way back");
	is(await spend(), "declined agent_suspended", "it gets no more approvals");
	await item(page, "decisions", "SWITCHED").first().waitFor();
	has(await item(page, "decisions", "SWITCHED").first().innerText(), "The agent was suspended.", "which appears by itself, with the reason");
	await of_shopper.click();
	await page.click("#ask-confirm");
	await closed(page);
	is(await spend(), "approved ", "activated, it may spend again");

	await page.click("#halt");
	await page.keyboard.press("Escape");
	await closed(page);
	is(await status(), "active active", "the kill switch, canceled, does nothing");
	await focus_comes(page, "Stop all spending…", "and gives its focus back");
	await page.click("#halt");
	await page.keyboard.type("ACME");
	await page.keyboard.press("Enter");
	has(await text(page, "#ask-problem"), "not the id", "it wants the id of the organization");
	await picture(page, "halt", false);
	is(await status(), "active active", "and does nothing before");
	await page.fill("#ask-value", "acme");
	await page.keyboard.press("Enter");
	await closed(page);
	is(await status(), "suspended active", "then it stops everything");
	is(await spend(), "declined organization_suspended", "for every agent");
	await soon(page, () => document.getElementById("halted").checkVisibility());
	check("the page says so", await page.isVisible("#halted"));
	await item(page, "decisions", "All spending of the organization was stopped.").waitFor();
	await in_all_lights(page, "halted");
	await page.click("#halt");
	await page.keyboard.type("acme");
	await page.keyboard.press("Enter");
	await closed(page);
	is(await status(), "active active", "and resumes");
}

async function story_of_looking_again(page) {
	await page.evaluate(() => { window.same = true; });
	await sql(`SELECT id FROM ledger_agents.declare_intent('${await agent_id("courier")}', summary => 'A late idea', expected_amount => 12300, organization_id => 'acme')`);
	await item(page, "waiting", "A late idea").waitFor();
	has(await text(page, "#said"), "A new request waits for approval.", "a new request appears by itself, and is said");
	check("without loading the page anew", await page.evaluate(() => window.same));

	await page.evaluate(() => document.querySelector("#waiting .list button").focus());
	expected_errors = /^Failed to load resource/;
	await ask("stop");
	await page.waitForSelector("#lost:visible");
	has(await text(page, "#lost"), "There is no answer from the API. What is shown is from", "a lost connection is told");
	await focus_comes(page, "Approve… A late idea*", "what was there stays, and keeps the focus");
	await audited(page, "not connected");
	await picture(page, "lost");
	await page.keyboard.press("Enter");
	await page.click("#ask-confirm");
	await page.waitForSelector("#ask-problem:not(:empty)");
	has(await text(page, "#ask-problem"), "may or may not have been done", "an action without an answer is told, too");
	await page.keyboard.press("Escape");
	await closed(page);
	await ask("start");
	await page.waitForSelector("#lost", { state: "hidden" });
	has(await text(page, "#live"), "Live, as of", "it comes back by itself");
	expected_errors = /^$/;
}

async function story_of_many_decisions(page) {
	const weekly = await agent_id("weekly");
	const listed = () => page.evaluate(() => [...document.querySelectorAll("#decisions .list > li")].map(li => li.dataset.id));
	const stored = async more => JSON.parse(await sql(`SELECT json_agg(id ORDER BY id DESC) FROM ledger_agents.authorizations WHERE agent_id = '${weekly}' ${more ?? ""}`));

	await sql(`SELECT count(*) FROM generate_series(1, 44) AS n, ledger_agents.authorize('${weekly}', n, CASE WHEN n % 4 = 0 THEN 'EUR' END, organization_id => 'acme')`);
	await page.selectOption("#by-agent", weekly);
	await page.waitForFunction(() => document.querySelectorAll("#decisions .list > li").length === 20);
	for (const wanted of [40, 46]) {
		await page.click("#decisions .more");
		await page.waitForFunction(wanted => document.querySelectorAll("#decisions .list > li").length === wanted, wanted);
	}
	is(await listed(), await stored(), "all decisions of an agent, page by page");
	check("and then there are no more", await page.isHidden("#decisions .more"));
	await sql(`SELECT id FROM ledger_agents.authorize('${weekly}', 4545, organization_id => 'acme')`);
	await item(page, "decisions", "$45.45").waitFor();
	is(await listed(), await stored(), "a new one joins them");
	await page.selectOption("#by-outcome", "declined");
	await page.waitForFunction(() => document.querySelectorAll("#decisions .list > li").length === 11);
	is(await listed(), await stored("AND decision = 'declined'"), "those declined");
	has(await item(page, "decisions", "€").first().innerText(), "Agent's limit is in another currency.", "one in another currency names the limit");
	await picture(page, "filtered");
	await sql(`SELECT count(*) FROM generate_series(1, 25) AS n, ledger_agents.authorize('${weekly}', n, 'EUR', organization_id => 'acme')`);
	await page.waitForFunction(() => document.querySelectorAll("#decisions .list > li").length === 20);
	is(await listed(), (await stored("AND decision = 'declined'")).slice(0, 20), "after a gap, the newest page");
	await page.selectOption("#by-agent", "");
	await page.selectOption("#by-outcome", "");
}

/* In a tab whose clock is the test's: what it does in a minute is seen without waiting for one. */
async function story_of_a_tab() {
	const page = await tab(), asked = [];

	page.on("request", request => asked.push(request.url()));
	await page.clock.install();
	await page.goto(`${given.page}/?api=${given.api}`);
	await page.check("#stay");
	await page.fill("#key", empty_key);
	await page.click("#sign-in button");
	await page.waitForSelector("#decisions .empty:visible");
	is(await page.locator(".empty:visible").count(), 3, "an organization with nothing in it is told so");
	await in_all_lights(page, "empty");
	await page.reload();
	await page.waitForSelector("#decisions .empty:visible");
	is(await text(page, "#organization"), "empty", "who wants to stay is still there after a reload");

	const set_hidden = hidden => page.evaluate(hidden => {
		Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
		document.dispatchEvent(new Event("visibilitychange"));
	}, hidden);
	const looks = async action => {
		const answered = page.waitForResponse("**/authorizations?*");
		await action();
		await answered;
		return true;
	};
	check("it looks again after some seconds", await looks(() => page.clock.runFor(5000)));
	await page.waitForFunction(() => document.getElementById("live").textContent);
	await set_hidden(true);
	asked.length = 0;
	await page.clock.runFor(60000);
	/* A question of the test's own comes after any that the page may have asked. */
	await page.evaluate(api => fetch(`${api}/`, { method: "HEAD" }), given.api);
	is(asked, [`${given.api}/`], "hidden, it does not ask");
	check("seen again, it asks at once", await looks(() => set_hidden(false)));

	/* Whatever would get past the code is still held by the page's policy. */
	expected_errors = /Content Security Policy|Trusted/;
	const tried = await page.evaluate(async other => {
		const refused = [];
		try { document.body.innerHTML = "<img src=x onerror=canary()>"; } catch { refused.push("markup"); }
		const script = document.createElement("script");
		try { script.textContent = "canary()"; document.body.append(script); } catch { refused.push("script"); }
		await fetch(other).catch(() => refused.push("elsewhere"));
		return refused;
	}, given.page.replace(/\d+$/, "1"));
	is(tried, ["markup", "script", "elsewhere"], "the policy of the page refuses markup, scripts and other addresses");
	expected_errors = /^Failed to load resource/;
	await page.bringToFront();
	await sql("SELECT ledger_agents.revoke_organization_key(id, 'empty') FROM keys WHERE organization_id = 'empty'");
	await page.clock.runFor(5000);
	await page.waitForSelector("#sign-in-problem:not(:empty)");
	has(await text(page, "#sign-in-problem"), "no longer accepted", "a revoked key ends it");
	is(await page.evaluate(() => sessionStorage.length), 0, "and is forgotten");
	expected_errors = /^$/;
}

const page = await tab();
await story_of_signing_in(page);
await story_of_what_is_shown(page);
await story_of_approvals(page);
await story_of_switches(page);
await story_of_looking_again(page);
await story_of_many_decisions(page);
await story_of_a_tab();
await page.click("#leave");
await page.waitForSelector("#sign-in:visible");
check("signed out, nothing is left", !(await page.content()).includes("acme"));
await Promise.all(reading);
is(errors, [], "the browser had nothing to complain of");
is([...origins].sort(), [given.page, given.api, "http://127.0.0.1:1"].sort(), "nobody else was asked");
is(leaks, [], "no answer had anything of another tenant");
await browser.close();
tell({ done: true });
process.exit(0);
