// A real browser, and what every page must keep to: no fault that axe finds, nothing in the
// console, no request to anywhere else, no word that is missing.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import assert from "node:assert/strict";

const { PORTAL, PACKAGES, CHROMIUM = "/usr/bin/chromium" } = process.env;
const require = createRequire(pathToFileURL(join(PACKAGES, "package.json")));
const { chromium } = require("playwright-core");
const { AxeBuilder } = require("@axe-core/playwright");

export const portal = PORTAL;

export async function open() {
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

/** Somebody in front of a browser of their own. */
export async function visitor(browser, { language = "en", scripts = true, width = 1440, dark = false } = {}) {
  const context = await browser.newContext({
    locale: language === "zh" ? "zh-CN" : "en-GB",
    javaScriptEnabled: scripts,
    viewport: { width, height: 900 },
    colorScheme: dark ? "dark" : "light",
    baseURL: portal,
  });
  context.setDefaultTimeout(15_000);
  const faults = [];
  await context.route("**/*", (route) => {
    if (new URL(route.request().url()).origin === new URL(portal).origin) return route.continue();
    faults.push(`asks elsewhere: ${route.request().url()}`);
    return route.abort();
  });
  const page = await context.newPage();
  page.on("pageerror", (error) => faults.push(`a script failed: ${error.message}`));
  page.on("console", (message) => {
    // A page that says "no" is an answer, and browsers note every such answer.
    const isAnswer = message.text().startsWith("Failed to load resource");
    if (["error", "warning"].includes(message.type()) && !isAnswer) faults.push(message.text());
  });
  return { context, page, faults, scripts, language };
}

export async function signIn({ page, language }, { email, password }) {
  // Otherwise the pages speak the language that the person reads by their account.
  await page.goto(`/language/${language}`);
  await page.goto("/sign-in");
  await page.fill("#email", email);
  await page.fill("#password", password);
  await page.click("main form button[type=submit]");
  await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
}

/** Looks at the page that is open. */
export async function check(who, what) {
  const { page, faults, scripts } = who;
  const text = await page.evaluate(() => document.body.innerText);
  assert.ok(!text.includes("⟦"), `${what}: no words for ${text.match(/⟦[^⟧]*⟧/g)}`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(wide <= 0, `${what}: ${wide} px too wide`);
  // axe is a script, which a browser without scripts runs for its driver only when it may.
  if (scripts) {
    const { violations } = await new AxeBuilder({ page })
      .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])
      .analyze();
    const said = violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" ")}`);
    assert.deepEqual(said, [], what);
  }
  assert.deepEqual(faults, [], what);
}
