// Has a Chromium walk through the console as a person does: one step for each line of standard input, one answer for each.
//
// A step is {"base", "key"} first, which signs in, and then {"click": the words of a link} or {"go": a path}, {"shot": a file} or
// {}, which loads the page again. An answer is {"heading", "text", "errors"} of the page where it ends.
import { createInterface } from "node:readline";
import { launched, watched } from "./chromium.mjs";

const steps = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const next = async () => {
  const { value, done } = await steps.next();
  return done ? null : JSON.parse(value);
};
const browser = await launched();
const { base, key } = await next();
const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
const errors = watched(page, base);
const tell = async () => {
  const heading = (await page.textContent("h1")).trim();
  console.log(JSON.stringify({ heading, text: await page.innerText("main"), errors: errors.splice(0) }));
};
await page.goto(`${base}/console/sign-in`, { waitUntil: "load" });
await page.fill("input[name=key]", key);
await page.keyboard.press("Enter");
await page.waitForURL((url) => !url.pathname.endsWith("/sign-in"), { waitUntil: "load" });
await tell();
for (let step = await next(); step !== null; step = await next()) {
  if (step.shot) await page.screenshot({ path: step.shot, fullPage: true });
  else if (step.click) {
    await Promise.all([page.waitForNavigation({ waitUntil: "load" }), page.getByRole("link", { name: step.click }).first().click()]);
  } else if (step.go) await page.goto(base + step.go, { waitUntil: "load" });
  else await page.reload({ waitUntil: "load" });
  await tell();
}
await browser.close();
