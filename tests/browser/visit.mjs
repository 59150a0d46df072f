// Visits pages of the console in a Chromium, and prints what it found as one line of JSON.
//
// Standard input: {"base", "key", "pages": [{"name", "path"}], "pictures", "whole"}; pictures are of whole pages, or of what a screen
// shows of them. Each page is visited in both themes, on a phone, and with scripts off. Whatever a page says on the console of the
// browser, asks of another host or runs is an error of that page.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { launched, watched } from "./chromium.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const VIEWS = [
  { name: "light", colorScheme: "light", viewport: { width: 1280, height: 900 } },
  { name: "dark", colorScheme: "dark", viewport: { width: 1280, height: 900 } },
  { name: "phone", colorScheme: "light", viewport: { width: 390, height: 844 } },
  { name: "no-scripts", colorScheme: "light", viewport: { width: 1280, height: 900 }, javaScriptEnabled: false },
];

const asked = JSON.parse(readFileSync(0, "utf8"));
if (asked.pictures) mkdirSync(asked.pictures, { recursive: true });
const browser = await launched();
const visits = [];
for (const { name: view, ...options } of VIEWS) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const errors = watched(page, asked.base);
  const look = async (name, path) => {
    errors.length = 0;
    const answer = path === null ? null : await page.goto(asked.base + path, { waitUntil: "load" });
    const found = { view, name, status: answer?.status() ?? 200, heading: await page.textContent("h1"), errors: [], wide: 0, rules: [] };
    if (options.javaScriptEnabled !== false) {
      found.wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      found.rules = violations.map((each) => `${each.id}: ${each.nodes.slice(0, 3).map((node) => node.target.join(" ")).join(", ")}`);
    }
    if (asked.pictures) await page.screenshot({ path: join(asked.pictures, `${name}-${view}.png`), fullPage: asked.whole });
    visits.push({ ...found, errors: [...errors] });
  };
  await look("sign-in", "/console/sign-in");
  await page.fill("input[name=key]", asked.key);
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => !url.pathname.endsWith("/sign-in"));
  for (const { name, path } of asked.pages) await look(name, path);
  await context.close();
}
await browser.close();
console.log(JSON.stringify(visits));
