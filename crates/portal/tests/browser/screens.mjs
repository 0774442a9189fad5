// Pictures of every page, in both languages, wide and narrow, for people to look at.
// usage: node screens.mjs FOLDER
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { open, signIn, visitor } from "./browser.mjs";

const folder = process.argv[2];
const people = JSON.parse(readFileSync(process.env.PEOPLE));
const story = JSON.parse(readFileSync(process.env.STORY));
const pages = {
  visitor: ["/", "/sign-in", "/verify", `/verify?number=${story.licence}`, "/processing-times", "/statistics", "/nothing-here"],
  reporter: [
    "/", "/returns", ["/returns", "tbody a"], "/filings", ["/filings", "tbody a"], "/filings/new", "/filings/new/dispatch",
    "/filings/new/transformation", "/files", "/receipts", ["/receipts", "tbody a"], "/findings", "/readers",
  ],
};

mkdirSync(folder, { recursive: true });
const browser = await open();
for (const language of ["zh", "en"]) {
  for (const [width, dark] of [[1440, false], [390, false], [1440, true]]) {
    for (const [role, list] of Object.entries(pages)) {
      const who = await visitor(browser, { language, width, dark });
      if (role !== "visitor") await signIn(who, people.find((one) => one.role === role && one.password));
      for (const entry of list) {
        const [address, click] = Array.isArray(entry) ? entry : [entry];
        await who.page.goto(address);
        if (click) {
          const link = who.page.locator(click).first();
          if ((await link.count()) === 0) continue;
          await link.click();
          await who.page.waitForLoadState();
        }
        const name = `${address.replace(/[^a-z0-9]+/gi, "-").replace(/^-|-$/g, "") || "start"}${click ? "-one" : ""}`;
        await who.page.screenshot({ path: join(folder, `${role}.${name}.${language}.${width}${dark ? ".dark" : ""}.png`), fullPage: true });
      }
      await who.context.close();
    }
  }
}
await browser.close();
