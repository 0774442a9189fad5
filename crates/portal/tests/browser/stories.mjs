// Each person's main story, in a real browser on real services. Started by a test of system-tests.
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";
import { check, open, portal, signIn, visitor } from "./browser.mjs";

const people = JSON.parse(readFileSync(process.env.PEOPLE));
const story = JSON.parse(readFileSync(process.env.STORY));
const somebody = (role) => people.find((one) => one.role === role && one.password);

/** The form was taken; otherwise what it says is wrong. */
async function taken(page) {
  const seen = await page.waitForSelector(".says--good, .govuk-error-summary");
  assert.match(await seen.getAttribute("class"), /says--good/, await seen.textContent());
}

const stories = {
  async "anybody verifies a licence"(browser, manner) {
    const who = await visitor(browser, manner);
    await who.page.goto("/");
    await check(who, "start");
    await who.page.goto("/verify");
    await who.page.fill("#number", story.licence);
    await who.page.click("main form button");
    await who.page.waitForSelector(".verdict--good");
    await check(who, "a good licence");
    await who.page.fill("#number", "LS-2026-999999-X");
    await who.page.click("main form button");
    await who.page.waitForSelector(".verdict--bad");
    await check(who, "no such licence");
    for (const address of ["/processing-times", "/statistics", "/nothing-here", "/sign-in"]) {
      await who.page.goto(address);
      await check(who, address);
    }
    await who.context.close();
  },

  async "a clerk files by form, is shown what is wrong, corrects, and keeps the receipt"(browser, manner) {
    const who = await visitor(browser, manner);
    const { page } = who;
    await page.goto("/returns");
    await check(who, "asked to sign in");
    await signIn(who, somebody("reporter"));
    for (const address of ["/", "/returns", "/filings", "/filings/new", "/files", "/receipts", "/findings", "/readers"]) {
      await page.goto(address);
      await check(who, address);
    }
    const reference = `B-${Date.now().toString(36)}`;
    await page.goto("/filings/new/extraction");
    await page.fill("#reference", reference);
    await page.fill("#happened_at", "2026-01-05T09:30");
    await page.fill("#lines-0-quantity_kg", "1,5,0 kg");
    await page.click("button[value='lines add']");
    await page.waitForSelector("#lines-1-lot");
    assert.equal(await page.inputValue("#lines-0-quantity_kg"), "1,5,0 kg", "nothing typed is lost");
    await page.click("main form .govuk-button[value=file]");
    await page.waitForSelector(".govuk-error-summary");
    assert.equal(await page.inputValue("#reference"), reference);
    await check(who, "a form with faults");
    const product = await page.getAttribute("#products option", "value");
    // The line that stayed empty is gone.
    for (const line of [0, 1]) {
      if (line === 1) await page.click("button[value='lines add']");
      await page.fill(`#lines-${line}-lot`, `${reference}-${line}`);
      await page.fill(`#lines-${line}-product`, product);
      await page.fill(`#lines-${line}-quantity_kg`, "120.500");
    }
    await page.click("main form .govuk-button[value=file]");
    await taken(page);
    await check(who, "a filing");
    await page.click("a[href*='corrects=']");
    await page.fill("#correction-reason", "120 kg <script>alert(1)</script> \u202e4\u{1F9F2}");
    await page.fill("#lines-0-quantity_kg", "121");
    // The register keeps what a lot is, not which product it was filed as.
    for (const line of [0, 1]) await page.fill(`#lines-${line}-product`, product);
    await page.click("main form .govuk-button[value=file]");
    await taken(page);
    assert.ok((await page.textContent("main")).includes("<script>alert(1)</script>"));
    await check(who, "a correction");
    const receipt = await page.getAttribute("a[href$='/receipt']", "href");
    const kept = await who.context.request.get(portal + receipt);
    assert.ok((await kept.text()).includes("signature"));
    await who.context.close();
  },

  async "what was typed is still there when the session has ended"(browser, manner) {
    const who = await visitor(browser, manner);
    const { page } = who;
    await signIn(who, somebody("reporter"));
    await page.goto("/filings/new/stocktake");
    await page.fill("#reference", "KEPT-1");
    await who.context.clearCookies({ name: "lodestone_session" });
    await page.click("main form .govuk-button[value=file]");
    await page.waitForSelector("#password");
    await check(who, "asked to sign in again");
    const { email, password } = somebody("reporter");
    await page.fill("#email", email);
    await page.fill("#password", password);
    await page.click("main form button[type=submit]");
    await page.waitForSelector("input[type=hidden][value='KEPT-1']", { state: "attached" });
    await check(who, "what was kept");
    await page.click("main form button[type=submit]");
    await page.waitForSelector(".govuk-error-summary");
    assert.equal(await page.inputValue("#reference"), "KEPT-1");
    await who.context.close();
  },
};

const browser = await open();
let failed = 0;
let passed = 0;
const manners = [
  { language: "en", scripts: true },
  { language: "zh", scripts: true, dark: true, width: 390 },
  { language: "en", scripts: false },
];
for (const [name, play] of Object.entries(stories)) {
  for (const manner of manners) {
    const title = `${name} (${manner.language}, ${manner.scripts ? "with" : "without"} scripts)`;
    try {
      await play(browser, manner);
      passed += 1;
      console.log(`ok   ${title}`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL ${title}\n${error.stack}`);
    }
  }
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
